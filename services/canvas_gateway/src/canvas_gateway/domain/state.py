"""What the panel remembers between two clicks: it travels through Intercom, signed; a changed one is refused."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError

from canvas_gateway.domain.deciding import Decision
from canvas_gateway.domain.history import Standing
from canvas_gateway.domain.outcome import Outcome, Submission
from canvas_gateway.domain.repeats import Repeat
from canvas_gateway.domain.values import ChosenChannel, Frozen, Person, Screen
from proactive_contracts.values import Channel

VERSION = 1
"""Of the state's form; a panel that another version drew is asked to start again."""

LIFETIME = timedelta(days=7)
"""How long a panel may stay open: far below the 30 days for which a message's id is remembered."""


_LONGEST_INPUT = 200
"""Characters of one input that are kept."""


class Scope(StrEnum):
    """Whose messages the history shows."""

    MINE = "mine"
    CONVERSATION = "conversation"
    EVERYONE = "everyone"


class Search(Frozen):
    """What was typed to find somebody; the first that is filled is used."""

    id: str = ""
    email: str = ""
    phone: str = ""

    @classmethod
    def read(cls, typed: Mapping[str, str]) -> "Search":
        """From the inputs of a submit."""
        return cls(**{field: typed.get(f"search.{field}", "")[:_LONGEST_INPUT] for field in cls.model_fields})

    @property
    def used(self) -> tuple[str, str] | None:
        """The name of the field that is used and what stands in it."""
        return next(((name, value) for name, value in self._filled), None)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The names of the fields that are filled as well."""
        return tuple(name for name, _ in self._filled[1:])

    @property
    def _filled(self) -> list[tuple[str, str]]:
        fields = (("id", self.id), ("email", self.email), ("phone", self.phone))
        return [(name, value.strip()) for name, value in fields if value.strip()]


class Filter(Frozen):
    """What narrows the history beside its scope; None, and "", are all."""

    channel: Channel | None = None
    standing: Standing | None = None
    search: str = ""

    def read(self, typed: Mapping[str, str]) -> "Filter":
        """What stands in the inputs of a submit; a choice that is not among them is as it was."""
        channel, standing = typed.get("filter.channel"), typed.get("filter.status")
        return Filter(
            channel=self.channel if channel is None else _chosen(Channel, channel),
            standing=self.standing if standing is None else _chosen(Standing, standing),
            search=typed.get("filter.search", "").strip()[:_LONGEST_INPUT],
        )


_Choice = TypeVar("_Choice", bound=StrEnum)


def _chosen(choices: type[_Choice], chosen: str) -> _Choice | None:
    return choices(chosen) if chosen in set(choices) else None


class Draft(Frozen):
    """A message that is being composed; its id stays the same until something final is known."""

    message_id: UUID
    recipient_id: str
    phone: str = ""
    text: str = ""


class Interrupted(Frozen):
    """What was clicked when something went wrong, so that it can be tried again."""

    screen: Screen
    component_id: str
    typed: Mapping[str, str] = {}


class State(Frozen):
    """
    Everything that a panel remembers. `contact` is the person whom the conversation is with.

    `decision` is about the submission, or about the message whose details are shown; it is kept until it is answered.
    `repeat` is what was asked last: it is not asked again about a re-send.
    """

    screen: Screen = Screen.HOME
    contact: Person
    recipient: Person | None = None
    search: Search | None = None
    page: int = 0
    channel: ChosenChannel | None = None
    draft: Draft | None = None
    repeat: Repeat | None = None
    submission: Submission | None = None
    outcome: Outcome | None = None
    decision: Decision | None = None
    scope: Scope = Scope.MINE
    filter: Filter | None = None
    cursors: tuple[str, ...] = ()
    older: str | None = None
    shown: UUID | None = None
    shown_from: Screen = Screen.HOME
    interrupted: Interrupted | None = None

    @property
    def wanted(self) -> Filter:
        """The filter that there is, or the one that lets everything pass."""
        return self.filter or Filter()

    def narrowed(self, wanted: Filter) -> "State":
        """The same with another filter, from the newest message on."""
        chosen = None if wanted == Filter() else wanted
        return self.model_copy(update={"filter": chosen, "cursors": (), "older": None})


@dataclass(frozen=True)
class Binding:
    """Where a state is valid: nowhere else."""

    workspace_id: str
    conversation_id: str
    admin_id: str


class StateRefused(Exception):
    """The state cannot be trusted or read; `reason` is a stable word for logs and metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def seal(state: State, binding: Binding, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """The state as stored_data: compact JSON and its HMAC-SHA256 by the first key."""
    body = {"v": VERSION, "at": int(now.timestamp()), "state": state.model_dump(mode="json", exclude_none=True)}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"state": text, "mac": _mac(text, binding, keys[0])}


def unseal(stored: Mapping[str, Any], binding: Binding, keys: Sequence[str], now: datetime) -> State:
    """
    The state of a panel that we drew, for this teammate beside this conversation.

    Raises:
        StateRefused: missing, changed, made for another place, too old, or of another version.
    """
    text, mac = stored.get("state"), stored.get("mac")
    if not isinstance(text, str) or not isinstance(mac, str):
        raise StateRefused("missing")
    given = mac.encode(errors="replace")
    fitting = [hmac.compare_digest(_mac(text, binding, key).encode(), given) for key in keys]
    if not any(fitting):
        raise StateRefused("not_ours")
    return _read(text, now)


def _mac(text: str, binding: Binding, key: str) -> str:
    """Over a JSON array, so that no two places can be written alike."""
    place = [binding.workspace_id, binding.conversation_id, binding.admin_id]
    signed = json.dumps(["proactive panel state", VERSION, *place, text])
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()


def _read(text: str, now: datetime) -> State:
    try:
        body = json.loads(text)
        drawn_at, version, fields = body["at"], body["v"], body["state"]
    except (ValueError, KeyError, TypeError):
        raise StateRefused("unreadable") from None
    if version != VERSION:
        raise StateRefused("other_version")
    if now.timestamp() - drawn_at > LIFETIME.total_seconds():
        raise StateRefused("too_old")
    try:
        return State.model_validate_json(json.dumps(fields))
    except ValidationError:
        raise StateRefused("other_version") from None
