"""Logs hold no secrets, no texts and no whole phone numbers, whichever way these come in."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from runtime.logs import about, get_logger, masked
from tests.support.logs import captured_logs

PHONE = "+4915112345678"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with captured_logs() as said:
        yield lambda: [json.loads(line) for line in said.getvalue().splitlines()]


def test_event_is_one_line_of_json(lines: Lines) -> None:
    get_logger().info("message_sent", message_id="0b5ad1a0-0000-4000-8000-000000000001", attempt=2)
    [line] = lines()
    assert line["event"] == "message_sent"
    assert line["service"] == "testing"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert line["message_id"] == "0b5ad1a0-0000-4000-8000-000000000001"
    assert line["attempt"] == 2


def test_level_is_kept(lines: Lines) -> None:
    get_logger().debug("too_quiet")
    assert lines() == []


def test_context_of_a_message_is_on_its_lines(lines: Lines) -> None:
    with about("w1", UUID(int=7), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"):
        get_logger().info("one")
        logging.getLogger("library").warning("two")
        with about("w1", None, None):
            get_logger().info("three")
    get_logger().info("four")
    wanted = ("w1", str(UUID(int=7)), "4bf92f3577b34da6a3ce929d0e0e4736")
    told = [tuple(line.get(name) for name in ("workspace_id", "message_id", "trace_id")) for line in lines()]
    assert told == [wanted, wanted, ("w1", None, None), (None, None, None)]


@pytest.mark.parametrize(
    "spelling",
    [
        PHONE,
        "4915112345678",
        "tel:+4915112345678",
        "%2B4915112345678",
        "To=%2b4915112345678&Body=x",
        "+30 694 123 5678",
        "+1 (202) 555-5678",
        "no route to '4915112345678'.",
        "/contacts/4915112345678/x",
    ],
)
def test_phone_number_keeps_four_digits_wherever_it_stands(lines: Lines, spelling: str) -> None:
    get_logger().warning(f"sent {spelling}", to=spelling, deep={"list": [spelling], "pair": (spelling, 1)})
    logging.getLogger("library").warning("calling %s", spelling)
    text = json.dumps(lines())
    assert text.count("***5678") == 5
    for part in ("4915112345", "491511", "694 123", "(202)"):
        assert part not in text


@pytest.mark.parametrize(
    "harmless",
    [
        "0b5ad1a0-0000-4000-8000-000000000001",
        "019aafc1-5b68-7222-9141-600000000020",
        "6657add46abd0167d9419001",
        "SM5f1e3c8a9b7d4e60a1c2d3e4f5061728",
        "2026-11-23T09:14:07.512000+00:00",
        "21211",
        "127.0.0.1:5672",
    ],
)
def test_ids_and_times_stay_readable(lines: Lines, harmless: str) -> None:
    get_logger().info("event", value=harmless)
    assert lines()[0]["value"] == harmless


def test_conversation_and_admin_stay_readable(lines: Lines) -> None:
    get_logger().info("event", conversation_id="215470001123", admin_id="8148601")
    [line] = lines()
    assert (line["conversation_id"], line["admin_id"]) == ("215470001123", "8148601")


@pytest.mark.parametrize("field", ["text", "body", "token", "password", "authorization", "credentials", "content"])
def test_secret_field_is_hidden_at_every_depth(lines: Lines, field: str) -> None:
    hidden: dict[str, Any] = {field: "s3cret"}
    get_logger().info("event", **hidden)
    get_logger().info("event", deep={"list": [hidden]})
    assert "s3cret" not in json.dumps(lines())


def test_password_in_an_address_is_hidden(lines: Lines) -> None:
    get_logger().warning("broker_lost", detail="cannot reach amqp://proactive:s3cret@127.0.0.1:5672/vhost")
    [line] = lines()
    assert line["detail"] == "cannot reach amqp://proactive:***@127.0.0.1:5672/vhost"


@pytest.mark.parametrize("format", ["json", "console"])
def test_exception_comes_without_its_locals(format: str) -> None:  # noqa: A002
    def fail(text: str) -> None:
        raise ValueError(f"could not reach {PHONE}")

    held = "-".join(["a", "s3cret"])
    with captured_logs(format) as written:
        try:
            fail(held)
        except ValueError:
            get_logger().exception("call_failed")
            logging.getLogger("library").exception("call failed")
    said = written.getvalue()
    assert said.count("ValueError") >= 2
    assert said.count("***5678") >= 2
    assert held not in said
    assert PHONE not in said


def test_client_of_the_broker_prints_no_message(lines: Lines) -> None:
    message = {"body": b'{"text": "a s3cret text"}'}
    logging.getLogger("aiormq.channel").error("Unhandled message %r returning", [message])
    logging.getLogger("aio_pika.exchange").debug("Publishing message %r", [message])
    [line] = lines()
    assert line["event"] == "Unhandled message 'list' returning"


def test_auto_is_json_where_nobody_watches() -> None:
    with captured_logs("auto") as written:
        get_logger().info("event")
    assert json.loads(written.getvalue())["event"] == "event"


def test_masked_keeps_the_last_four_digits() -> None:
    assert masked(PHONE) == "***5678"
