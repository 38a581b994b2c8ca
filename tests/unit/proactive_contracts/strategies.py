"""Hypothesis strategies that make every event from the annotations of its payload, so that new ones are covered."""

import types
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import strategies as st

from proactive_contracts import values
from proactive_contracts.codec import EVENT_TYPES, make_event
from proactive_contracts.envelope import Event
from proactive_contracts.requests import MAX_LIFETIME, SendRequested
from proactive_contracts.values import Channel, Model

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
numbers = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
addresses = numbers | st.from_regex(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}", fullmatch=True)


def texts(min_size: int, max_size: int) -> st.SearchStrategy[str]:
    """Every character that JSON and PostgreSQL can hold."""
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    return st.text(alphabet, min_size=min_size, max_size=max_size)


_BY_ANNOTATION: Sequence[tuple[Any, st.SearchStrategy[Any]]] = (
    (values.Word, texts(1, 30)),
    (values.Words, texts(0, 60)),
    (values.MessageText, texts(1, 60).filter(lambda text: not values.is_blank(text))),
    (values.LongText, texts(0, 60)),
    (values.WorkspaceId, st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
    (values.Recipient, addresses),
    (values.ResultRoute, st.uuids().map(lambda replica: f"panel.{replica}")),
    (values.Moment, moments),
    (values.Count, st.integers(0, 2**31 - 1)),
    (UUID, st.uuids()),
    (bool, st.booleans()),
)


def from_annotation(annotation: Any) -> st.SearchStrategy[Any]:
    """A strategy for the values of one field."""
    for known, strategy in _BY_ANNOTATION:
        if annotation == known:
            return strategy
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return models(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if annotation is type(None):
        return st.none()
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (types.UnionType, Union):
        return st.one_of(*map(from_annotation, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is Annotated:
        return _annotated(arguments)
    if origin is tuple:
        return st.lists(from_annotation(arguments[0]), max_size=3).map(tuple)
    raise NotImplementedError(f"no strategy for {annotation}: add one here")


def _annotated(arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    base, constraint = arguments[0], arguments[1]
    pattern = getattr(constraint, "pattern", None)
    if isinstance(pattern, str):
        return st.from_regex(pattern.removeprefix("^").removesuffix("$"), fullmatch=True)
    if base is str:
        return texts(constraint.min_length or 0, min(constraint.max_length, 60))
    return from_annotation(base)


def models(model: type[Model]) -> st.SearchStrategy[Model]:
    """Instances of a model; a SendRequested that keeps the rules between its fields."""
    if model is SendRequested:
        return requests()
    hints = get_type_hints(model, include_extras=True)
    return st.builds(model, **{name: from_annotation(hints[name]) for name in model.model_fields})


@st.composite
def requests(draw: st.DrawFn) -> SendRequested:
    """Requests whose not_after lies within the lifetime of an event of `not_after` minus some."""
    hints = get_type_hints(SendRequested, include_extras=True)
    fields = {name: draw(from_annotation(hints[name])) for name in SendRequested.model_fields}
    if fields["channel"] is Channel.SMS:
        fields["recipient"] = draw(numbers)
    if fields["not_before"] is not None:
        fields["not_before"] = fields["not_after"] - draw(st.timedeltas(timedelta(microseconds=1), MAX_LIFETIME))
    if fields["resend_of"] == fields["message_id"]:
        fields["resend_of"] = None
    return SendRequested(**fields)


@st.composite
def events(draw: st.DrawFn) -> Event[Any]:
    """Events of every type."""
    payload = draw(st.sampled_from(list(EVENT_TYPES)).flatmap(models))
    time = draw(moments)
    if isinstance(payload, SendRequested):
        time = payload.not_after - draw(st.timedeltas(timedelta(0), MAX_LIFETIME))
    return make_event(
        payload,
        id=draw(st.uuids()),
        time=time,
        source=draw(texts(1, 30)),
        causation=draw(st.none() | st.uuids()),
        traceparent=draw(
            st.none() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True)
        ),
    )
