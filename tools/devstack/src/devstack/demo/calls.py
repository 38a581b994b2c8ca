"""Plain HTTP to our own servers: straight there whatever proxies the environment names, one connection a call."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from devstack.demo.checks import Unexpected

CALL_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """
        The body, read as JSON.

        Raises:
            Unexpected: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unexpected("an answer in JSON", self) from None

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.body[:300].decode(errors='replace')}"


def call(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """
    One request and its answer.

    Raises:
        Unexpected: there is no answer.
    """
    connection = connect(url)
    try:
        connection.request(method, path_of(url), body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise Unexpected(f"an answer to {method} {url}", f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()


def call_and_leave(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """POST and close the connection without waiting for the answer: it gets lost."""
    connection = connect(url)
    connection.request("POST", path_of(url), body, dict(headers))
    if connection.sock:
        connection.sock.shutdown(socket.SHUT_WR)
    connection.close()


def connect(url: str) -> http.client.HTTPConnection:
    """A connection to the address's host and port."""
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_SECONDS)


def path_of(url: str) -> str:
    """The path and the query."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
