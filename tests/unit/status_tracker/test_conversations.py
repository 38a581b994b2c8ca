"""When a conversation is opened for a message, with what text, and what notes say of it."""

import pytest

from proactive_contracts.status import Status
from proactive_contracts.values import TextContent
from status_tracker.domain.conversations import body_of, opens, same_text
from status_tracker.domain.decision import Known, decide
from status_tracker.domain.entries import entry_of
from status_tracker.domain.notes import NewConversation, note, note_on_opening
from tests.unit.status_tracker.making import NOON, Story, as_facts, as_request, make_request

OPENED = {Status.SENT, Status.DELIVERED, Status.READ}


@pytest.mark.parametrize("status", list(Status))
def test_conversation_is_opened_for_what_left_and_for_nothing_else(status: Status) -> None:
    assert opens(make_request(open_new=True).data, status) is (status in OPENED)
    assert not opens(make_request().data, status)


@pytest.mark.parametrize("outcome", ["accepted", "unknown", "expired", "failed", "started"])
def test_decision_opens_once_the_provider_took_it(outcome: str) -> None:
    story = Story(make_request(open_new=True))
    requests, entries = as_facts([story.request, getattr(story, outcome)()])
    asked = story.request.data
    known = Known((asked.workspace_id, asked.message_id), Status.QUEUED, 1, None)
    change = decide(known, requests, entries, NOON)
    assert change is not None
    assert change.opens is (outcome == "accepted")


def test_decision_that_tells_nothing_new_opens_nothing() -> None:
    story = Story(make_request(open_new=True))
    requests, entries = as_facts([story.request, story.accepted(), story.started()])
    asked = story.request.data
    change = decide(Known((asked.workspace_id, asked.message_id), Status.SENT, 2, None), requests, entries, NOON)
    assert change is not None
    assert not change.opens


def test_body_is_html_that_reads_as_the_text() -> None:
    body = body_of(TextContent(text='<script>1 < 2 && "x"</script>\n\nשלום 👋'))
    assert body == '<p>&lt;script&gt;1 &lt; 2 &amp;&amp; "x"&lt;/script&gt;<br><br>שלום 👋</p>'


@pytest.mark.parametrize(
    ("written_by_intercom", "same"),
    [
        ("<p>See https://x.org<br>now</p>", True),
        ('<p class="no-margin">See <a href="https://x.org">https://x.org</a></p>\n<p>now</p>', True),
        ("See https://x.org\nnow", True),
        ("<p>See https://x.org</p>", False),
        ("", False),
    ],
)
def test_text_is_known_again_in_the_tags_that_intercom_writes(written_by_intercom: str, same: bool) -> None:
    assert same_text(written_by_intercom, body_of(TextContent(text="See https://x.org\nnow"))) is same


def made(new: NewConversation) -> str:
    request = make_request(open_new=True)
    return note(as_request(request), entry_of(Story(request).accepted()), "reference1", new)


def test_note_links_every_conversation() -> None:
    html = made(NewConversation(["https://x.org/1?a=b&c", "https://x.org/2"]))
    assert '<a href="https://x.org/1?a=b&amp;c">' in html
    assert '<a href="https://x.org/2">' in html


def test_note_says_why_there_is_none_or_that_it_is_not_open_yet() -> None:
    assert "could not be opened.</b> 422 &lt;b&gt;" in made(NewConversation(failure="422 <b>"))
    assert "not open yet" in made(NewConversation())


def test_note_of_its_own_names_the_message_that_it_belongs_to() -> None:
    html = note_on_opening(make_request().data, NewConversation(["https://x.org/1"]), "reference1")
    assert "<b>Opened a new conversation:</b>" in html
    assert "the SMS message to +4915112345678 (Anna Schmidt), sent by Maria Lopez" in html
    assert html.endswith("Ref reference1</i></p>")
