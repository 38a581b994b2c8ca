"""Who may do what on broker and database: the file that `topology apply` and `migrate` read with --accounts."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from proactive_contracts.topology import (
    DEAD,
    EVENTS,
    HISTORY_QUEUE,
    REQUESTS,
    listener_queue,
    parked,
    send_key,
    send_queue,
)
from proactive_contracts.values import Channel, Lane
from proactivectl.files import Strict, once
from proactivectl.secret_references import Reference

NOTHING = "^$"
_DEFAULT_EXCHANGE = "amq.default"


class Role(StrEnum):
    """What an account is for."""

    CANVAS_GATEWAY = "canvas_gateway"
    DISPATCHER = "dispatcher"
    WEBHOOKS = "webhooks"
    STATUS_TRACKER = "status_tracker"
    OPERATOR = "operator"
    PUBLISHER = "publisher"
    LISTENER = "listener"
    MONITOR = "monitor"


DATABASE_ROLES = {
    Role.CANVAS_GATEWAY: "proactive_canvas_gateway",
    Role.DISPATCHER: "proactive_dispatcher",
    Role.WEBHOOKS: "proactive_dispatcher",
    Role.STATUS_TRACKER: "proactive_status_tracker",
    Role.OPERATOR: "proactive_operator",
}
"""Who has to do with the database, and in which role; what a role may is in each schema's grants.sql."""


class Account(Strict):
    """One account, of the same name and password on the broker and, where its role needs it, in the database."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    role: Role
    password: Reference
    channel: Channel | None = None
    """Of a dispatcher: whose queues it reads."""
    channels: list[Channel] = Field(default_factory=list)
    """Of a publisher: in whose bulk lanes it may send."""
    listener: str | None = None
    """Of a listener: its name, as `proactivectl listener add` was given it."""

    @model_validator(mode="after")
    def _says_what_its_role_needs(self) -> Self:
        needs = {Role.DISPATCHER: "channel", Role.PUBLISHER: "channels", Role.LISTENER: "listener"}.get(self.role)
        for name in ("channel", "channels", "listener"):
            if name == needs and not getattr(self, name):
                raise ValueError(f"a {self.role} needs {name}")
            if name != needs and getattr(self, name):
                raise ValueError(f"a {self.role} has no {name}")
        return self


class Accounts(Strict):
    """The whole file."""

    accounts: list[Account]

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        once("accounts: the name", [account.name for account in self.accounts])
        return self


@dataclass(frozen=True)
class Access:
    """
    What a RabbitMQ user may, as regular expressions: https://www.rabbitmq.com/docs/access-control.

    `keys`: with which routing keys it may publish to an exchange, or bind a queue of its own to it.
    """

    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tags: str = ""


def access(account: Account) -> Access:
    """
    What the account's role needs, and nothing else.

    The default exchange, through which anybody could write into any queue, is the operators' alone: a parked message
    goes back into the one queue that could not handle it.
    """
    match account.role:
        case Role.CANVAS_GATEWAY:
            sends = _any(rf"send\.[a-z]+\.{Lane.INTERACTIVE}", r"control\.[a-z]+")
            panels = r"^panel\."
            return Access(
                configure=panels,
                write=_any(re.escape(REQUESTS), re.escape(EVENTS), r"panel\..*"),
                read=_any(re.escape(EVENTS), r"panel\..*"),
                keys={REQUESTS: (sends, NOTHING), EVENTS: (r"^teammate\.replied$", panels)},
            )
        case Role.DISPATCHER:
            assert account.channel is not None
            queues = [send_queue(account.channel, lane) for lane in Lane]
            results = _any(rf"delivery\.[a-z]+\.{account.channel}", r"panel\..*")  # a copy for the panel that waits
            return _reader(queues, results)
        case Role.WEBHOOKS:
            keys = {EVENTS: (_any(r"receipt\.[a-z]+", r"reply\.[a-z]+"), NOTHING)}
            return Access(write=_exactly(EVENTS), keys=keys)
        case Role.STATUS_TRACKER:
            return _reader([HISTORY_QUEUE], r"^status\.")
        case Role.OPERATOR:
            sends = _any(r"send\.[a-z]+\.[a-z]+", r"control\.[a-z]+")
            write = _exactly(_DEFAULT_EXCHANGE, REQUESTS)
            return Access(write=write, read=r"\.parked$", keys={REQUESTS: (sends, NOTHING)})
        case Role.PUBLISHER:
            sends = _exactly(*(send_key(channel, Lane.BULK) for channel in account.channels))
            return Access(write=_exactly(REQUESTS), keys={REQUESTS: (sends, NOTHING)})
        case Role.LISTENER:
            assert account.listener is not None
            return Access(read=_exactly(listener_queue(account.listener)))
        case Role.MONITOR:
            return Access(tags="monitoring")


def _reader(queues: Iterable[str], events: str) -> Access:
    """It reads queues, looks whether those for what it parks are there, and publishes events."""
    aside = [parked(queue) for queue in queues]
    return Access(
        write=_exactly(EVENTS, DEAD),
        read=_exactly(*queues, *aside),
        keys={EVENTS: (events, NOTHING), DEAD: (_exactly(*aside), NOTHING)},
    )


def _exactly(*names: str) -> str:
    return _any(*map(re.escape, names))


def _any(*patterns: str) -> str:
    return f"^({'|'.join(patterns)})$"


def definitions(accounts: Iterable[tuple[Account, str]], vhost: str) -> dict[str, Any]:
    """
    Accounts and their passwords as RabbitMQ imports them: https://www.rabbitmq.com/docs/definitions.

    What a user of that name could do in this vhost before is replaced, in other vhosts it stays.
    """
    known = [(account.name, access(account), password) for account, password in accounts]
    return {
        "users": [
            {
                "name": name,
                "password_hash": _hashed(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": has.tags,
            }
            for name, has, password in known
        ],
        "permissions": [
            {"user": name, "vhost": vhost, "configure": has.configure, "write": has.write, "read": has.read}
            for name, has, _ in known
        ],
        "topic_permissions": [
            {"user": name, "vhost": vhost, "exchange": exchange, "write": write, "read": read}
            for name, has, _ in known
            for exchange, (write, read) in has.keys.items()
        ],
    }


def _hashed(password: str) -> str:
    """https://www.rabbitmq.com/docs/passwords#computing-password-hash."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
