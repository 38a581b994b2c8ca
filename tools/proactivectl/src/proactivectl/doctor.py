"""`doctor`: is everything as it should be, and what to do where it is not."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

import typer
from rich.text import Text

from directory import SOURCE
from proactivectl import server_checks as servers
from proactivectl import service_checks as services
from proactivectl.findings import Check, Finding, State, examine
from proactivectl.output import AsJson, say, show, shown, table
from proactivectl.setup import SERVICES

_AMQP, _DATABASE, _MANAGEMENT = ("AMQP_URL",), ("DATABASE_URL",), (servers.MANAGEMENT,)
_KEYS = ("PROACTIVE_WORKSPACE_KEYS", "PROACTIVE_CHANNEL_KEYS")
_DISPATCHER = ("PROACTIVE_DISPATCHER_URL", "PROACTIVE_DISPATCHER_TOKEN")
_TRACKER = ("PROACTIVE_TRACKER_URL", "PROACTIVE_TRACKER_TOKEN")
_TRACKER_OPERATORS = ("PROACTIVE_TRACKER_OPERATORS_URL", "PROACTIVE_TRACKER_OPERATORS_TOKEN")
_SOURCES = (SOURCE, *SERVICES)

CHECKS = (
    Check("broker", servers.broker, _AMQP),
    Check("management", servers.management, _MANAGEMENT),
    Check("broker alarms", servers.broker_alarms, _MANAGEMENT, ("management",)),
    Check("broker account", servers.broker_permissions, _AMQP, ("broker",)),
    Check("database", servers.postgres, _DATABASE),
    Check("database account", partial(servers.database_permissions, _SOURCES), _DATABASE, ("database",)),
    *(
        Check(f"schema {source.schema}", partial(servers.schema, source), _DATABASE, ("database",))
        for source in _SOURCES
    ),
    Check("queues", servers.queues, _AMQP, ("broker",)),
    Check("bindings", servers.bindings, (*_AMQP, *_DATABASE, *_MANAGEMENT), ("management", "database")),
    Check("readers", servers.readers, (*_AMQP, *_DATABASE), ("broker", "database")),
    Check("parked", servers.parked_messages, _AMQP, ("broker",)),
    Check("dispatcher", services.dispatcher_http, _DISPATCHER),
    Check("senders", services.senders, _DISPATCHER, ("dispatcher",)),
    Check("channels", servers.connected, _DATABASE, ("database",)),
    Check("secrets", servers.sealed, (*_DATABASE, *_KEYS), ("database",)),
    Check("history", services.history_http, _TRACKER),
    Check("tracker", services.tracker_http, _TRACKER_OPERATORS),
    Check("webhooks", services.webhooks, ("PROACTIVE_WEBHOOKS_URL",)),
    Check("clock: database", servers.database_clock, _DATABASE, ("database",)),
    Check("clock: broker", servers.broker_clock, _MANAGEMENT, ("management",)),
)

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "bold red", State.NOT_CHECKED: "dim"}


def doctor(as_json: AsJson = False) -> None:
    """
    Look at everything that has to work, and say what to do about what does not. Nothing is changed.

    Exit code 1: something is wrong. Warnings, and what is not set up, are none.
    """
    found = asyncio.run(examine(CHECKS))
    documents = [{"check": name, "state": one.state, "found": one.found, "advice": one.advice} for name, one in found]
    counts = Counter(one.state for _, one in found)
    show({"wrong": counts[State.WRONG], "warnings": counts[State.WARNING], "checks": documents}, lambda: _tell(found))
    if counts[State.WRONG]:
        raise typer.Exit(1)


def _tell(found: Sequence[tuple[str, Finding]]) -> None:
    rows = [(shown(one.state, _STYLES[one.state]), name, _in_words(one)) for name, one in found]
    table(("STATE", "CHECK", "FOUND"), rows, "")
    counts = Counter(one.state for _, one in found)
    parts = [f"{counts[state]} {words}" for state, words in _COUNTED if counts[state]]
    say(f"{', '.join(parts)}." if parts else "Everything is as it should be.", style="bold")


_COUNTED = ((State.WRONG, "wrong"), (State.WARNING, "to know of"), (State.NOT_CHECKED, "not checked"))


def _in_words(one: Finding) -> Text:
    words = shown(one.found)
    return Text.assemble(words, "\n→ ", shown(one.advice)) if one.advice else words
