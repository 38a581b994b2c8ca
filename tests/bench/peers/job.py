"""What is the same for every peer: where everything is, what is sent, and the row."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from runtime.lifecycle import loop_factory

AMQP_URL = os.environ.get("AMQP_URL", "")
DATABASE_URL = os.environ.get("DATABASE_URL", "")
PROVIDER_URL = os.environ.get("PROVIDER_URL", "")

PREFETCH = 200
"""Saturates one process at 50 ms; more gains nothing (docs/performance.md)."""

THREADS = 64
"""More threads are slower on two cores."""

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

INSERT = "INSERT INTO outcome (id, provider_message_id) VALUES ({}, {}) ON CONFLICT DO NOTHING"


def form(recipient: str, text: str) -> bytes:
    """The body of the POST, as long as the one that the dispatcher sends to Twilio."""
    callback = "http://127.0.0.1:8080/webhooks/twilio/0b5ad1a0-0000-4000-8000-000000000001"
    return urlencode({"To": recipient, "From": "+4915700000001", "Body": text, "StatusCallback": callback}).encode()


def sid_of(answer: bytes) -> str:
    """The provider's id in its answer."""
    return str(json.loads(answer)["sid"])


def main(roles: dict[str, Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Run the role that the command line names, on uvloop where there is one."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(roles[sys.argv[1]]())
