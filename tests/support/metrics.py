"""What Prometheus can be asked for: the metrics that services and broker serve, as names of time series."""

import re

from prometheus_client import REGISTRY

import canvas_gateway.metrics
import dispatcher.metrics
import runtime.metrics
import status_tracker.metrics

MODULES = (canvas_gateway.metrics, dispatcher.metrics, runtime.metrics, status_tracker.metrics)
"""Whoever imports them has their metrics in the registry."""

_ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "info": ("_info",)}
_OURS = re.compile(r"\bproactive_\w+")
_NO_NAMES = re.compile(
    r'"(?:\\.|[^"\\])*"|\[[^]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)|\b(?:and|or|unless|bool)\b'
)
"""Of PromQL: texts, spans of time, lists of labels, and words between two expressions."""


def served() -> set[str]:
    """The names of all series that our services serve."""
    return {family.name + ending for family in REGISTRY.collect() for ending in _ENDINGS.get(family.type, ())}


def not_served(expression: str) -> set[str]:
    """The names in a PromQL expression that look like ours and that nobody serves."""
    return set(_OURS.findall(expression)) - served()


def named(expression: str) -> set[str]:
    """All metrics that a PromQL expression asks for."""
    left = re.sub(r"\{[^}]*\}", " ", _NO_NAMES.sub(" ", expression))
    return set(re.findall(r"(?<![\w:])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()", left))
