"""What customers write back stands in the timeline of the message that they answer."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import uuid4

import pytest

from proactive_contracts.reasons import FailureReason
from runtime.postgres import Pool
from status_tracker.storage import replies
from tests.integration.tracker_support import make_recorder, open_storage, record, row_of
from tests.unit.status_tracker.making import NOON, OTHER_CHANNEL_ID, Story, make_reply, make_request


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Pool]:
    async with open_storage(database_url) as opened:
        yield opened


async def accepted(storage: Pool, minutes: int = 0) -> Story:
    story = Story(make_request(at=NOON + timedelta(minutes=minutes)))
    await record(make_recorder(storage), story.request, story.accepted())
    return story


async def texts(storage: Pool, story: Story) -> list[str | None]:
    return [reply.text for reply in await replies.to_message(storage, await row_of(storage, story.request))]


async def test_reply_belongs_to_the_latest_message_before_it(storage: Pool) -> None:
    first, second, third = await accepted(storage), await accepted(storage, 10), await accepted(storage, 20)
    for text, minutes in (("to the first", 5), ("to the second", 15), ("again to the second", 16)):
        await replies.keep(storage, make_reply(text, at=NOON + timedelta(minutes=minutes)))
    assert await texts(storage, first) == ["to the first"]
    assert await texts(storage, second) == ["to the second", "again to the second"]
    assert await texts(storage, third) == []


async def test_reply_belongs_to_the_message_that_it_names(storage: Pool) -> None:
    first, second = await accepted(storage), await accepted(storage, 10)
    named = make_reply("late", at=NOON + timedelta(minutes=30), message_id=first.request.data.message_id)
    await replies.keep(storage, named)
    assert await texts(storage, first) == ["late"]
    assert await texts(storage, second) == []


async def test_reply_that_names_an_unknown_message_belongs_to_the_latest_one(storage: Pool) -> None:
    story = await accepted(storage)
    await replies.keep(storage, make_reply("hm", message_id=uuid4()))
    assert await texts(storage, story) == ["hm"]


async def test_reply_that_comes_before_its_message_is_known_finds_it(storage: Pool) -> None:
    await replies.keep(storage, make_reply("fast"))
    assert await texts(storage, await accepted(storage)) == ["fast"]


async def test_reply_in_whole_seconds_may_seem_older_than_its_message(storage: Pool) -> None:
    story = await accepted(storage)
    await replies.keep(storage, make_reply("at once", at=NOON - timedelta(seconds=1)))
    assert await texts(storage, story) == ["at once"]


async def test_message_that_never_left_is_passed_over(storage: Pool) -> None:
    first = await accepted(storage)
    failed = Story(make_request(at=NOON + timedelta(minutes=5)))
    await record(make_recorder(storage), failed.request, failed.failed(FailureReason.CONTENT))
    await replies.keep(storage, make_reply("to the first", at=NOON + timedelta(minutes=9)))
    assert await texts(storage, first) == ["to the first"]
    assert await texts(storage, failed) == []


@pytest.mark.parametrize(
    "changes", [{"channel_id": OTHER_CHANNEL_ID}, {"workspace_id": "w2"}, {"sender": "+4915199999999"}]
)
async def test_reply_through_another_channel_or_of_somebody_else_is_not_shown(
    storage: Pool, changes: dict[str, Any]
) -> None:
    story = await accepted(storage)
    await replies.keep(storage, make_reply("not ours", **changes))
    assert await texts(storage, story) == []


async def test_sender_without_a_plus_sign_is_the_same_number(storage: Pool) -> None:
    story = await accepted(storage)
    await replies.keep(storage, make_reply("no plus", sender="4915112345678"))
    assert await texts(storage, story) == ["no plus"]


async def test_reply_of_a_far_future_came_when_we_learned_of_it(storage: Pool) -> None:
    story = await accepted(storage)
    far, later = make_reply("far", received_at=datetime(5138, 11, 16, tzinfo=UTC)), NOON + timedelta(minutes=2)
    for reply in (far, make_reply("later", at=later)):
        await replies.keep(storage, reply)
    found = await replies.to_message(storage, await row_of(storage, story.request))
    assert [(one.text, one.received_at) for one in found] == [("far", far.time), ("later", later)]


async def test_reply_is_kept_once(storage: Pool) -> None:
    story, reply = await accepted(storage), make_reply("once")
    assert await replies.keep(storage, reply)
    assert not await replies.keep(storage, reply)
    assert await texts(storage, story) == ["once"]
    assert (await row_of(storage, story.request)).row["status"] == "sent"


async def test_replies_that_an_earlier_release_kept_are_found_after_migrating(storage: Pool) -> None:
    story = await accepted(storage)
    reply = make_reply("kept before")
    await replies.keep(storage, reply)
    await storage.execute("UPDATE tracker.reply SET channel_id = NULL, sender = NULL, received_at = NULL")
    migration = files("status_tracker.storage").joinpath("migrations/0003_conversations.sql").read_text()
    backfill = re.search(r"^UPDATE .*?;", migration, re.DOTALL | re.MULTILINE)
    assert backfill is not None
    assert await texts(storage, story) == []
    await storage.execute(backfill[0])
    assert await texts(storage, story) == ["kept before"]
