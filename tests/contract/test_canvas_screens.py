"""Every screen in every representative state is a canvas that Intercom takes, and keeps the panel's own rules."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from canvas_gateway.canvas_kit.canvas import answer, ids_of
from canvas_gateway.canvas_kit.components import Button, Component, DataTable, Input, Item, ItemList, Text, Textarea
from canvas_gateway.domain.compose import Form, asked_by, refusals
from canvas_gateway.domain.deciding import decide
from canvas_gateway.domain.history import RESENDABLE, Entry, Page, SearchTrouble, Standing
from canvas_gateway.domain.outcome import Outcome, Why
from canvas_gateway.domain.reach import OptOut, Reach
from canvas_gateway.domain.state import Binding, Draft, Filter, Scope, Search, State, seal
from canvas_gateway.domain.trouble import Kind
from canvas_gateway.domain.values import ConnectedChannel, Person, Screen, Wish
from canvas_gateway.screens.again import again
from canvas_gateway.screens.channel import channel
from canvas_gateway.screens.compose import compose
from canvas_gateway.screens.deciding import remarks
from canvas_gateway.screens.details import details
from canvas_gateway.screens.filter import filter_form
from canvas_gateway.screens.history import history
from canvas_gateway.screens.home import home
from canvas_gateway.screens.outcome import outcome
from canvas_gateway.screens.recipient import recipient
from canvas_gateway.screens.search import matches, nobody_found, search
from canvas_gateway.screens.trouble import trouble
from proactive_contracts.reasons import FailureReason
from proactive_contracts.status import Status
from proactive_contracts.values import Channel, Thread
from tests.unit.canvas_gateway.builders import (
    ANNA,
    CALENDAR,
    EMMA,
    MARIA,
    MESSAGE_ID,
    NOW,
    make_channel,
    make_message,
    make_reach,
    make_repeat,
    make_request,
    make_state,
    make_submission,
    make_told,
)

LONG = Person(
    id="6657add46abd0167d9419008",
    role="user",
    name="Maximiliana Alexandrina von und zu Hohenlohe-Schillingsfürst-Waldenburg-Langenburg" * 3,
    email="a" * 200 + "@example.org",
    phone="+30 694 123 4567",
)
ODD = Person(id="6657add46abd0167d9419009", role="lead", name="\u202e[x](https://y) **שרה** 👩‍👩‍👧\x07\n", email="<b>")
NAMELESS = Person(id="1")
PEOPLE = {"anna": ANNA, "emma": EMMA, "long": LONG, "odd": ODD, "nameless": NAMELESS}

MANY = [make_message(message_id=uuid4(), text="Long text " * 50, status=status) for status in Status][:10]
TIMELINE = tuple(
    Entry(at=NOW, event="receipt", source="receipt", detail="x" * 1000, status=Status.SENT) for _ in range(60)
)

NOTHING_KNOWN: Mapping[UUID, Reach] = {}
FIXED = UUID("01970000-0000-7000-8000-0000000000aa")

CANVASES: dict[str, tuple[str, Sequence[Component]]] = {}


def channels(
    state: State, connected: Sequence[ConnectedChannel], reach: Mapping[UUID, Reach] = NOTHING_KNOWN
) -> list[Component]:
    """The Channel screen."""
    return channel(state, connected, reach, CALENDAR)


def _add(name: str, screen: str, components: Sequence[Component]) -> None:
    CANVASES[name] = (screen, components)


for key, person in PEOPLE.items():
    base = make_state(contact=person, recipient=person)
    for recent in (None, (), tuple(MANY[:2])):
        shown = "unread" if recent is None else len(recent)
        for connected in (True, False):
            _add(f"home {key} {shown} {connected}", "home", home(base, recent, CALENDAR, queue_connected=connected))
    _add(f"recipient {key}", "recipient", recipient(base))
    _add(f"channel {key}", "channel", channels(base, [make_channel(), make_channel(id=FIXED, enabled=False)]))
    _add(f"matches {key}", "matches", matches(base, [person, ANNA.model_copy(update={"id": "c2"})], CALENDAR))
    composing = base.model_copy(
        update={
            "channel": make_channel(name=person.name or "x").chosen,
            "draft": Draft(message_id=MESSAGE_ID, recipient_id=person.id),
        }
    )
    _add(f"compose {key}", "compose", compose(composing))

WIDE = {
    "flowers": "🌸",
    "blessings": "\ufdfa",
    "sentences": "\ufdfd",
    "W": "W",
    "M": "M",
    "han": "字",
    "cyrillic": "Щ",
    "tamil": "ஔ",
    "burmese": "ဪ",
    "cuneiform": "𒐫",
    "dashes": "\u2e3b",
}
for key, glyph in WIDE.items():
    said = make_message(channel=Channel.VIBER, text=glyph * 80, status=Status.UNKNOWN)
    pair = (said, said.model_copy(update={"message_id": uuid4()}))
    for how, name in {"": glyph * 80, " in words": " ".join([glyph * 7] * 10)}.items():
        wide = make_state(contact=Person(id="1", role="user", name=name, phone=glyph * 80))
        for connected in (True, False):
            first = home(wide, pair, CALENDAR, queue_connected=connected)
            _add(f"home of {key}{how} {connected}", "home", first)

SEARCHED = Search(id="[a](b)", email="**x**", phone="+30")
_add("search empty", "search", search(make_state()))
_add("search again", "search", search(make_state(search=SEARCHED), nobody_found(SEARCHED)))
_add("channel none", "channel", channels(make_state(), []))
EVERY_CHANNEL = [
    make_channel(id=uuid4(), kind=kind, name=name, sender=sender)
    for kind in Channel
    for name, sender in (
        ("N" * 80, "+491570000000123"),
        ("خط الدعم \u202eتجريبي", "Proactive"),
        ("👩‍👩‍👧 Família [x](y) **z**", "9" * 200),
        ("One" * 60, "+4915700000001"),
    )
]
_add("channel every kind", "channel", channels(make_state(), EVERY_CHANNEL))
_add("channel every kind, next", "channel", channels(make_state(page=1), EVERY_CHANNEL))
_add("channel past its end", "channel", channels(make_state(page=99), EVERY_CHANNEL))
_add("channel exactly ten", "channel", channels(make_state(), EVERY_CHANNEL[:10]))
_add("channel many", "channel", channels(make_state(page=1), [make_channel(id=uuid4()) for _ in range(35)]))
PERSONS = [Person(id=f"c{number}", name="x" * 200, email="é" * 200) for number in range(50)]
_add("matches many", "matches", matches(make_state(page=2, search=SEARCHED), PERSONS, CALENDAR))

LANDLINE = ANNA.model_copy(update={"phone": "+493012345678"})
STANDING = {
    "open": make_reach(),
    "paused": make_reach(state="paused", since=NOW - timedelta(days=2), reason=FailureReason.CHANNEL_PAUSED),
    "blocked": make_reach(
        state="blocked", since=NOW, until=NOW + timedelta(minutes=5), reason=FailureReason.CHANNEL_BLOCKED
    ),
    "failing": make_reach(state="failing", since=NOW, until=NOW, reason=FailureReason.PROVIDER_UNREACHABLE),
    "held": make_reach(state="held", until=NOW + timedelta(minutes=1), reason=FailureReason.PROVIDER_BUSY),
    "later": make_reach(state="something of a later release"),
    "opted out": make_reach(opted_out=OptOut(at=NOW, provider_code="21610")),
    "window open": make_reach(window_open_until=NOW + timedelta(hours=3)),
    "window closed": make_reach(window_open_until=NOW - timedelta(hours=3)),
}
UNCHECKED: Mapping[str, Reach | None] = {"unchecked": None}
for key, standing in {**STANDING, **UNCHECKED}.items():
    for channel_kind in Channel:
        for whom, person in (("mobile", ANNA), ("landline", LANDLINE), ("nameless", NAMELESS)):
            shown_to = make_state(contact=person, recipient=person)
            drawn = channels(
                shown_to, [make_channel(kind=channel_kind)], {standing.channel_id: standing} if standing else {}
            )
            _add(f"channel {key} {channel_kind} {whom}", "channel", drawn)

for key, repeat in {
    "teammate": make_repeat(),
    "opening": make_repeat(open_new=True),
    "service": make_repeat(kind="service", by="shop", status=Status.UNKNOWN, channel=Channel.VIBER),
    "nobody": make_repeat(by=None),
    "resend": make_repeat(asked_from=Screen.FAILED),
    "resend shown": make_repeat(asked_from=Screen.DETAILS, open_new=True),
    "odd": make_repeat(
        text=("[a](b) **c** " * 38)[:200], by="\u202e[x](https://y) **שרה** " * 8, at=NOW - timedelta(days=1)
    ),
    **{str(status): make_repeat(status=status) for status in Status},
}.items():
    _add(f"again {key}", "again", again(make_state(Screen.AGAIN, repeat=repeat), CALENDAR))

for key, form in {
    "nothing": Form("", ""),
    "bad number": Form("12345", "Hello"),
    "too long": Form("+4915112345678", "😀" * 501),
    "far too long": Form("x" * 200, "😀" * 100_000),
}.items():
    draft = Draft(message_id=MESSAGE_ID, recipient_id=ANNA.id, phone=form.kept.phone, text=form.kept.text)
    _add(f"compose {key}", "compose", compose(make_state(Screen.COMPOSE, draft=draft), refusals(form)))

FAILURES = [reason for reason in FailureReason if reason is not FailureReason.ALREADY_SENT]
"""Those that are told as "Failed": the other one has a screen of its own."""

OUTCOMES = [
    Outcome(screen=Screen.SENDING, why=Why.NOT_ANSWERED),
    Outcome(screen=Screen.SENDING, why=Why.NOT_QUEUED),
    Outcome(screen=Screen.DEFERRED, status=Status.WAITING, at=NOW, until=NOW + timedelta(minutes=15)),
    *(Outcome(screen=Screen.SENT, status=status, at=NOW) for status in (Status.SENT, Status.DELIVERED, Status.READ)),
    *(Outcome(screen=Screen.FAILED, status=Status.FAILED, at=NOW, reason=reason) for reason in FAILURES),
    *(Outcome(screen=Screen.FAILED, status=one) for one in (Status.EXPIRED, Status.NOT_SENT)),
    Outcome(screen=Screen.FAILED, why=Why.NO_SENDER),
    Outcome(screen=Screen.FAILED, reason=FailureReason.OTHER, provider="twilio", provider_code="[a](b)"),
    *(Outcome(screen=Screen.UNKNOWN, status=Status.UNKNOWN, why=why) for why in (None, Why.NOT_LOOKED_UP)),
    *(Outcome(screen=Screen.UNKNOWN, why=why) for why in (Why.NOBODY_TOOK_IT, Why.NO_TRACE, Why.NOT_LOOKED_UP)),
    *(Outcome(screen=Screen.CHANGED, status=status, at=NOW, text="**x**" * 400) for status in Status),
    *(Outcome(screen=Screen.ALREADY_SENT, status=status, at=NOW) for status in Status),
    Outcome(screen=Screen.ALREADY_SENT),
    *(
        Outcome(
            screen=Screen.DEFERRED,
            status=Status.WAITING,
            until=NOW + timedelta(minutes=75),
            reason=reason,
            provider="twilio",
            provider_code="[a](b) **20429** " * 20,
        )
        for reason in FailureReason
    ),
    *(Outcome(screen=Screen.DEFERRED, until=NOW + moved) for moved in (timedelta(days=6), timedelta(hours=-1))),
    Outcome(screen=Screen.STOPPED, status=Status.CANCELLED, at=NOW),
    Outcome(screen=Screen.SENT, status=Status.SENT, at=NOW, marked=True),
    *(
        Outcome(screen=screen, status=status, at=NOW, too_late_to=wish)
        for wish in Wish
        for screen, status in (
            (Screen.SENDING, Status.SENDING),
            (Screen.SENT, Status.DELIVERED),
            (Screen.UNKNOWN, Status.UNKNOWN),
        )
    ),
    Outcome(screen=Screen.CHANGED, status=Status.SENT, at=NOW, text="Your parcel is here.", channel=Channel.VIBER),
    Outcome(screen=Screen.CHANGED, status=Status.SENT, at=NOW),
]
for number, known in enumerate(OUTCOMES):
    words = " ".join(str(part) for part in (known.status, known.why, known.reason) if part)
    _add(f"{known.screen} {words} {number}", known.screen, outcome(make_told(known), CALENDAR, "us"))
    elsewhere = make_told(known, submission=make_submission(channel_id=uuid4(), contact=None)).model_copy(
        update={"channel": None}
    )
    _add(f"{known.screen} {words} {number} elsewhere", known.screen, outcome(elsewhere, CALENDAR, "us"))

DECISIONS = {wish: decide(wish, make_request(), FIXED, asked_by(MARIA), NOW) for wish in Wish}
for wish, decision in DECISIONS.items():
    for why in (Why.NOT_ANSWERED, Why.NOT_QUEUED, Why.NO_SENDER):
        undecided = Outcome(screen=Screen.DECIDING, why=why)
        _add(f"deciding {wish} {why}", "deciding", outcome(make_told(undecided, decision=decision), CALENDAR, "us"))
        remarked = remarks(undecided, wish)
        _add(f"details {wish} {why}", "details", details(make_message(), "x", CALENDAR, "us", remarked))

OPENING = make_submission(thread=Thread(conversation_id="1", open_new=True))
OPENINGS: dict[str, dict[str, Any]] = {
    "opening": {},
    "opened": {"opened": ("215470010",)},
    "not opened": {"open_failure": "Intercom refused it (422 parameter_invalid [a](b) **c**). " * 10},
}
for name, changes in OPENINGS.items():
    sent = Outcome(screen=Screen.SENT, status=Status.SENT, at=NOW, **changes)
    _add(f"sent and {name}", "sent", outcome(make_told(sent, submission=OPENING), CALENDAR, "us"))
BOTH_BUTTONS = [
    *(Outcome(screen=Screen.SENT, status=Status.SENT, at=NOW, **changes) for changes in OPENINGS.values()),
    *(Outcome(screen=screen) for screen in (Screen.SENDING, Screen.FAILED, Screen.UNKNOWN)),
]
for number, known in enumerate(BOTH_BUTTONS):
    for submission in (OPENING, OPENING.by_other_button):
        pressed = submission.model_copy(update={"both_buttons": True})
        told_of_both = outcome(make_told(known, submission=pressed), CALENDAR, "us")
        _add(f"both buttons {number} {pressed.request.thread.open_new}", known.screen, told_of_both)
REPLIES = tuple(
    Entry(at=NOW, event="reply", source="customer", detail=said) for said in ("[a](b) **c** \u202eשלום" * 400, None)
)
WITH_THREADS: dict[str, Any] = {"open_new": True, "opened_conversation_ids": tuple(str(number) for number in range(30))}
_add("details opened", "details", details(make_message(**WITH_THREADS, timeline=REPLIES), "x", CALENDAR, "eu"))
_add("details opening", "details", details(make_message(open_new=True), "x", CALENDAR, "eu"))

for scope in Scope:
    _add(f"history empty {scope}", "history", history(make_state(scope=scope), Page(), CALENDAR))
PAGE = Page(messages=tuple(MANY), next_cursor="x")
NARROWED: dict[str, Filter] = {
    "all": Filter(channel=Channel.VIBER, standing=Standing.MAY_BE_SENT, search="+4915112345678"),
    "a message": Filter(search=str(FIXED)),
    "odd words": Filter(search="[x](https://y) **שרה** \u202e" + "W" * 170),
    **{standing: Filter(channel=Channel.VIBER, standing=standing) for standing in Standing},
}
for name, wanted in NARROWED.items():
    narrowed = make_state(filter=wanted)
    _add(f"filter {name}", "filter", filter_form(wanted))
    for scope in Scope:
        _add(
            f"history of {name}, empty {scope}",
            "history",
            history(make_state(scope=scope, filter=wanted), Page(), CALENDAR),
        )
    _add(f"history of {name}", "history", history(narrowed.model_copy(update={"cursors": ("a",)}), PAGE, CALENDAR))
_add("filter of nothing", "filter", filter_form(Filter()))
for refused in SearchTrouble:
    _add(f"filter refused {refused}", "filter", filter_form(NARROWED["odd words"], refused))
_add("history unreadable", "history", history(make_state(), Page(next_cursor="x"), CALENDAR))
_add("history full", "history", history(make_state(cursors=("a",)), PAGE, CALENDAR))
_add("history past its end", "history", history(make_state(cursors=("a",)), Page(), CALENDAR))
for status in Status:
    message = make_message(status=status, timeline=TIMELINE, text="[a](b) " * 500)
    _add(f"details {status}", "details", details(message, "Support line", CALENDAR, "us"))
WAITING: dict[str, Any] = {"status": Status.WAITING, "text": "[a](b) " * 500}
for reason in (None, *FailureReason):
    _add(f"details waiting {reason}", "details", details(make_message(**WAITING, reason=reason), "x", CALENDAR, "us"))
WAITING_TEMPLATE = make_message(**WAITING | {"kind": "template", "text": None, "contact": None, "not_after": None})
_add("details waiting template", "details", details(WAITING_TEMPLATE, None, CALENDAR, "us"))
MARKED = Entry(
    at=NOW, event="send_resolved", source="person", status=Status.SENT, detail="**Maria** marked it as sent."
)
_add("details marked as sent", "details", details(make_message(timeline=(MARKED,)), "x", CALENDAR, "us"))
for status in sorted(RESENDABLE):
    erased = make_message(text=None, contact=None, status=status)
    _add(f"details erased {status}", "details", details(erased, None, CALENDAR, "us"))
TEMPLATE = make_message(kind="template", text="Hello", status=Status.FAILED, reason=FailureReason.PROVIDER_BUSY)
_add("details of a template", "details", details(TEMPLATE, None, CALENDAR, "us"))
for kind in Kind:
    _add(f"trouble {kind}", "trouble", trouble(kind, 7))

for number, connected_channel in enumerate(EVERY_CHANNEL):
    chosen: dict[str, Any] = {
        "channel": connected_channel.chosen,
        "draft": Draft(message_id=MESSAGE_ID, recipient_id="1"),
    }
    _add(f"compose {number}", "compose", compose(make_state(contact=ODD, recipient=ODD, **chosen)))
    told = make_told(sent, submission=make_submission(channel_id=connected_channel.id))
    _add(
        f"sent {number}", "sent", outcome(told.model_copy(update={"channel": connected_channel.chosen}), CALENDAR, "us")
    )

WAYS_ON = {"back", "done", "finish", "start"}


@pytest.mark.parametrize("name", CANVASES)
def test_screen_is_a_canvas_that_intercom_takes(name: str) -> None:
    screen, components = CANVASES[name]
    stored = seal(make_state(Screen.COMPOSE), Binding("w", "c", "a"), ["key"], NOW)
    body = answer(components, stored)
    assert len(json.dumps(body)) < 64 * 1024
    assert all(one.startswith(f"{screen}.") for one in ids_of(components))


@pytest.mark.parametrize("name", CANVASES)
def test_screen_has_a_way_on_and_at_most_one_primary_button(name: str) -> None:
    screen, components = CANVASES[name]
    buttons = [part for part in components if isinstance(part, Button)]
    assert sum(button.style == "primary" for button in buttons) <= (0 if screen == "home" else 1)
    if screen != "home":
        assert buttons[-1].id.split(".")[1] in WAYS_ON
        assert buttons[-1].style == "link" or screen == "trouble"


@pytest.mark.parametrize("name", CANVASES)
def test_texts_are_left_aligned_and_without_markup(name: str) -> None:
    _, components = CANVASES[name]
    texts = [part for part in components if isinstance(part, Text)]
    assert all(part.align == "left" and "](" not in part.text and "**" not in part.text for part in texts)


@pytest.mark.parametrize("name", [name for name in CANVASES if name.startswith("home ")])
def test_first_canvas_stays_under_400_pixels(name: str) -> None:
    assert _height(CANVASES[name][1]) <= 400


@pytest.mark.parametrize("name", [name for name in CANVASES if name.startswith(("channel ", "matches ", "history "))])
def test_lists_hold_ten_rows_at_most(name: str) -> None:
    assert all(len(part.items) <= 10 for part in CANVASES[name][1] if isinstance(part, ItemList))


def test_channels_over_ten_are_all_reached_by_turning_pages() -> None:
    pages = [channels(make_state(page=page), EVERY_CHANNEL) for page in (0, 1)]
    rows = [one for page in pages for one in ids_of(page) if one.startswith("channel.pick:")]
    assert rows == [f"channel.pick:{one.id}" for one in EVERY_CHANNEL]
    assert ("channel.next" in ids_of(pages[0]), "channel.next" in ids_of(pages[1])) == (True, False)


def test_ten_channels_need_no_second_page() -> None:
    assert "channel.next" not in ids_of(CANVASES["channel exactly ten"][1])


def test_names_of_eighty_characters_and_long_senders_stay_within_two_lines() -> None:
    rows = [item for part in CANVASES["channel every kind"][1] if isinstance(part, ItemList) for item in part.items]
    assert all(len(row.title) <= 62 for row in rows)  # 60 letters, and what isolates right-to-left ones
    assert all(len(row.subtitle or "") <= 90 for row in rows)


def test_right_to_left_names_cannot_reorder_what_stands_beside_them() -> None:
    texts = [part.text for _, parts in CANVASES.values() for part in parts if isinstance(part, Text)]
    titles = [
        item.title
        for _, parts in CANVASES.values()
        for part in parts
        if isinstance(part, ItemList)
        for item in part.items
    ]
    assert not [text for text in (*texts, *titles) if "\u202e" in text or text.count("\u2068") != text.count("\u2069")]


def test_ids_of_every_screen_are_stable() -> None:
    fixed: dict[str, set[str]] = {}
    for screen, components in CANVASES.values():
        fixed.setdefault(screen, set()).update(one.partition(":")[0] for one in ids_of(components))
    assert {screen: sorted(ids) for screen, ids in fixed.items()} == {
        "home": ["home.details", "home.history", "home.send"],
        "recipient": ["recipient.back", "recipient.search", "recipient.this"],
        "search": ["search.back", "search.email", "search.id", "search.phone", "search.submit"],
        "matches": ["matches.back", "matches.next", "matches.pick", "matches.previous"],
        "channel": ["channel.back", "channel.next", "channel.pick", "channel.previous"],
        "again": ["again.back", "again.resend", "again.resend_shown", "again.send", "again.send_open"],
        "compose": ["compose.back", "compose.phone", "compose.send", "compose.send_open", "compose.text"],
        "sending": ["sending.done", "sending.history", "sending.refresh"],
        "deferred": ["deferred.done", "deferred.refresh", "deferred.stop"],
        "deciding": ["deciding.done", "deciding.refresh"],
        "stopped": ["stopped.done"],
        "sent": ["sent.done", "sent.history", "sent.opened", "sent.refresh"],
        "failed": ["failed.finish", "failed.history", "failed.resend"],
        "unknown": [
            "unknown.finish",
            "unknown.history",
            "unknown.mark_not_sent",
            "unknown.mark_sent",
            "unknown.refresh",
            "unknown.resend",
            "unknown.stop",
        ],
        "changed": ["changed.done", "changed.history", "changed.send_new"],
        "already_sent": ["already_sent.done"],
        "history": [
            "history.back",
            "history.clear",
            "history.details",
            "history.filter",
            "history.newer",
            "history.older",
            "history.scope",
        ],
        "filter": ["filter.back", "filter.channel", "filter.clear", "filter.search", "filter.show", "filter.status"],
        "details": [
            "details.back",
            "details.mark_not_sent",
            "details.mark_sent",
            "details.opened",
            "details.refresh",
            "details.resend",
            "details.stop",
        ],
        "trouble": ["trouble.back", "trouble.retry", "trouble.start"],
    }


EXACT = [
    ("home anna 0 True", "Send a proactive message"),
    ("home anna 0 True", "View sent messages"),
    ("recipient anna", "Send to this user/lead"),
    ("recipient anna", "Search for another user/lead"),
    ("search empty", "User/lead ID"),
    ("search empty", "Email"),
    ("search empty", "Phone number"),
    ("channel anna", "Choose channel"),
    ("compose anna", "Write your message"),
    ("compose anna", "At most 500 characters."),
    ("compose anna", "Send message"),
    ("compose anna", "Send message & open Intercom conversation"),
    ("sent and opening", "The message is sent. The conversation is not open yet."),
    ("sent and opening", "Refresh status"),
    ("sent and opened", "Opened a new conversation:"),
    ("sent and not opened", "The new conversation could not be opened."),
    ("details opened", "Opened new conversations:"),
    ("compose nothing", "Phone number is missing."),
    (
        "compose bad number",
        "Your phone number is invalid. Make sure the number is in an international phone format. See E.164",
    ),
    ("compose too long", "501 characters; at most 500."),
    ("history full", "Sent messages"),
    ("details waiting None", "Stop trying"),
    ("details waiting template", "Stop trying"),
    ("details unknown", "Mark as sent"),
    ("details unknown", "Mark as not sent"),
    ("details not_confirmed", "Stop trying"),
    ("details marked as sent", "A teammate marked it as sent."),
    ("deciding stop not_queued", "Not confirmed by our queue yet. We keep trying."),
    ("deciding stop not_answered", "None of our senders has answered yet."),
    ("deciding mark_sent not_answered", "It is not known yet whether it could be marked as sent."),
    ("deciding mark_not_sent not_answered", "It is not known yet whether it could be marked as not sent."),
]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open sms mobile", "Ready"),
        ("open sms landline", "This is a landline: it cannot receive SMS."),
        ("open whatsapp mobile", "We have not seen a message from them: WhatsApp may refuse free text"),
        ("open viber mobile", "We have not seen a message from them: Viber may refuse free text"),
        ("open whatsapp nameless", "No phone number yet: you can type it on the next screen"),
        ("window open whatsapp mobile", "Free text until 4:05PM"),
        ("window open viber landline", "Not a mobile number. Free text until 4:05PM"),
        ("window closed whatsapp mobile", "Free text was taken until 10:05AM: WhatsApp may refuse it now"),
        ("window open sms mobile", "Ready"),
        (
            "paused sms landline",
            "Paused since Nov 20, 2026 at 1:05PM: a message waits until your administrators resume it, and expires if "
            "that takes long. This is a landline: it cannot receive SMS.",
        ),
        (
            "blocked sms mobile",
            "Blocked since 1:05PM. The provider refuses this channel: its access, its balance or its sender. "
            "Nothing can be sent until 1:10PM: tell your administrator.",
        ),
        (
            "failing sms mobile",
            "The provider has given no answers since 1:05PM: a message waits, and expires if that takes long.",
        ),
        ("held sms mobile", "The provider takes nothing until 1:06PM: a message waits for that."),
        ("later sms mobile", "Ready"),
        ("unchecked sms mobile", "Could not be checked just now"),
        ("unchecked sms landline", "Could not be checked just now. This is a landline: it cannot receive SMS."),
        ("unchecked whatsapp mobile", "Could not be checked just now: WhatsApp may refuse free text"),
        ("unchecked viber mobile", "Could not be checked just now: Viber may refuse free text"),
        (
            "opted out sms mobile",
            "They opted out: a message was refused on Nov 22, 2026 at 1:05PM, and the next will most likely be, too.",
        ),
    ],
)
def test_channel_says_in_exact_words_what_comes_of_sending(name: str, words: str) -> None:
    (row,) = _rows(f"channel {name}")
    assert row.tertiary_text == words


def test_only_a_blocked_channel_cannot_be_chosen() -> None:
    for key in STANDING:
        for kind in Channel:
            for whom in ("mobile", "landline", "nameless"):
                (row,) = _rows(f"channel {key} {kind} {whom}")
                assert (row.action is None) == (key == "blocked"), row


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("teammate", ["Tom Becker sent this at 1:03PM. Send again?", "SMS · Delivered", "Send again", "Back"]),
        ("opening", ["A new Intercom conversation is opened as well."]),
        ("service", ["shop sent this at 1:03PM. Send again?", "Viber Business Messages · May have been sent"]),
        ("nobody", ["A teammate sent this at 1:03PM. Send again?"]),
    ],
)
def test_question_about_a_repeat_reads_the_exact_words(name: str, words: list[str]) -> None:
    shown = _words(CANVASES[f"again {name}"][1])
    assert [one for one in words if one not in shown] == []


def _rows(name: str) -> Sequence[Item]:
    return [item for part in CANVASES[name][1] if isinstance(part, ItemList) for item in part.items]


@pytest.mark.parametrize(("name", "words"), EXACT)
def test_agents_read_the_exact_words(name: str, words: str) -> None:
    assert words in _words(CANVASES[name][1])


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (OUTCOMES[0], ["Sending…", "The channel has not answered yet.", "Refresh status", "Done"]),
        (OUTCOMES[1], ["Sending…", "Not confirmed by our queue yet.", "Refresh status", "Done"]),
        (OUTCOMES[3], ["✅ Message sent!", "Done"]),
        (
            Outcome(screen=Screen.FAILED, reason=FailureReason.OTHER),
            [
                "Failed to send!",
                "We have failed to send your message through your SMS channel.",
                "Re-send your message",
                "Finish",
            ],
        ),
        (
            Outcome(screen=Screen.UNKNOWN, status=Status.UNKNOWN),
            [
                "May have been sent.",
                "We could not confirm it with the provider.",
                "It may have been sent: the customer may get it twice if you re-send it.",
                "Re-send your message",
                "Mark as sent",
                "Mark as not sent",
                "Finish",
            ],
        ),
        (
            Outcome(screen=Screen.UNKNOWN, status=Status.NOT_CONFIRMED, why=Why.NOBODY_TOOK_IT),
            ["May have been sent.", "None of our senders took it in time.", "Re-send your message", "Stop trying"],
        ),
        (
            Outcome(screen=Screen.DEFERRED, until=NOW + timedelta(minutes=75), reason=FailureReason.PROVIDER_BUSY),
            [
                "Not sent yet. We try again until 2:20PM.",
                "The provider had too much to do and did not take it.",
                "Refresh status",
                "Stop trying",
                "Done",
            ],
        ),
        (
            Outcome(screen=Screen.DEFERRED, until=NOW - timedelta(minutes=5)),
            ["Not sent yet. It was to leave before 1:00PM, or not at all.", "Refresh status", "Done"],
        ),
        (Outcome(screen=Screen.STOPPED, status=Status.CANCELLED), ["Stopped. Nothing was sent.", "Done"]),
        (
            Outcome(screen=Screen.SENDING, status=Status.SENDING, too_late_to=Wish.STOP),
            ["Sending…", "It is being handed to the provider. It will not be tried again.", "Refresh status"],
        ),
        (
            Outcome(screen=Screen.SENT, status=Status.SENT, too_late_to=Wish.STOP),
            ["✅ Message sent!", "It had left already: it could not be stopped."],
        ),
        (
            Outcome(screen=Screen.SENT, status=Status.SENT, too_late_to=Wish.MARK_NOT_SENT),
            ["✅ Message sent!", "The provider confirmed it meanwhile."],
        ),
        (
            Outcome(screen=Screen.SENT, status=Status.SENT, marked=True),
            ["✅ Message sent!", "A teammate marked it as sent.", "Done"],
        ),
        (
            Outcome(screen=Screen.FAILED, status=Status.NOT_SENT),
            ["Failed to send!", "A teammate confirmed that it was not sent.", "Re-send your message", "Finish"],
        ),
        (
            Outcome(screen=Screen.DECIDING, why=Why.NOT_ANSWERED),
            ["Stopping…", "It is not known yet whether it could be stopped.", "Refresh status", "Done"],
        ),
    ],
)
def test_outcomes_read_the_exact_words(known: Outcome, words: list[str]) -> None:
    shown = _words(outcome(make_told(known), CALENDAR, "us"))
    assert [one for one in words if one not in shown] == []


@pytest.mark.parametrize(
    ("channel_kind", "label"), [("sms", "SMS"), ("whatsapp", "WhatsApp"), ("viber", "Viber Business Messages")]
)
def test_failure_names_the_kind_of_channel(channel_kind: str, label: str) -> None:
    submission = make_submission(channel=channel_kind)
    shown = _words(outcome(make_told(Outcome(screen=Screen.FAILED), submission=submission), CALENDAR, "us"))
    assert f"We have failed to send your message through your {label} channel." in shown
    assert make_request(channel=channel_kind).channel.label == label


@pytest.mark.parametrize("status", sorted(RESENDABLE))
def test_what_cannot_be_resent_is_not_said_to_be(status: Status) -> None:
    shown = " ".join(_words(CANVASES[f"details erased {status}"][1]))
    assert "Its text is not kept any more, so it cannot be re-sent here." in shown
    assert "a new message if it is still needed." in shown
    assert not [advice for advice in ("re-send it", "Re-send", "correct it") if advice in shown]


def test_template_is_not_said_to_be_resendable() -> None:
    shown = " ".join(_words(CANVASES["details of a template"][1]))
    assert "It was made from a template, so it cannot be re-sent here. Write a new message" in shown
    assert "re-send it" not in shown


def _words(components: Sequence[Component]) -> list[str]:
    found = []
    for part in components:
        if isinstance(part, Text):
            found.append(part.text)
        elif isinstance(part, Button | Input | Textarea):
            found.append(part.label or "")
    return found


_LETTERS_PER_LINE = 38
"""At the panel's width of about 300 px and 14 px type."""


def _lines(text: str) -> int:
    return max(1, -(-len(text) // _LETTERS_PER_LINE))


def _height(components: Sequence[Component]) -> int:
    """Pixels, estimated generously: 20 a line of text, 10 below each component, 40 a button, padding around rows."""
    total = 0
    for part in components:
        match part:
            case Text():
                total += 20 * _lines(part.text) + 10
            case Button():
                total += 40 + 10
            case ItemList():
                rows = [
                    20 * sum(_lines(text) for text in (item.title, item.subtitle, item.tertiary_text) if text) + 16
                    for item in part.items
                ]
                total += sum(rows) + 10
            case DataTable():
                total += 28 * len(part.items) + 10
            case _:
                total += 60
    return total
