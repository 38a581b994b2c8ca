"""The sandbox's page itself: at every width and in both themes nothing is cut off, all can be read, keys are enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from devstack.channels import CHANNELS, SMS, VIBER, WHATSAPP
from devstack.demo.checks import eventually
from devstack.demo.panel import Person
from devstack.demo.scene import FAILED, SENT
from devstack.demo.steps.opening import SEND_AND_OPEN
from devstack.inbox_page import InboxPage
from devstack.stack import Stack
from tests.support.contrast import contrast
from tests.support.panel import CheckedScene, new_text

Size = tuple[int, int]
OpenPage = Callable[..., InboxPage]

SIZES: list[Size] = [(1280, 800), (1024, 768), (760, 900), (390, 844)]
THEMES = ["light", "dark"]
VIEWS = ["Inbox", "Panel", "Phone"]

PANES_SEEN = {1280: 3, 1024: 3, 760: 2, 390: 1}
"""How many panes stand side by side."""

BAR_ROWS_PIXELS = {1280: 56, 1024: 56, 760: 56, 390: 96}
"""The bar on top is one row; where one pane is shown at a time, its switch has a second one."""

TARGET_PIXELS = 24
"""https://www.w3.org/TR/WCAG22/#target-size-minimum"""

STOPS = 24
"""So many presses of Tab are looked at."""

LONG = "Your parcel waits at https://example.com/parcels/" + "00340434161094042557" * 4 + " until Friday. 🎁"

LATE_MILLISECONDS = 1_000

# What the page reads of the behaviours comes later than what it has changed meanwhile.
READ_LATE = """milliseconds => {
    const soon = window.fetch;
    window.fetch = async (address, options) => {
        const answer = await soon(address, options);
        if (options.method !== "GET") return answer;
        document.body.dataset.read = "late";
        await new Promise(done => setTimeout(done, milliseconds));
        return answer;
    };
}"""

# Whether a choice is never taken back in this time, not for a moment.
STAYS_CHECKED = """(radio, milliseconds) => new Promise(done => {
    const until = performance.now() + milliseconds;
    const look = () => !radio.checked || performance.now() > until ? done(radio.checked) : requestAnimationFrame(look);
    look();
})"""

# What reaches out of the window to either side, or out of the pane that it stands in, though that does not scroll.
CUT_OFF = """() => {
    const named = node => `${node.tagName}#${node.id}.${node.className} "${node.textContent.slice(0, 30)}"`;
    const seen = node => node.checkVisibility({ visibilityProperty: true }) && !node.closest(".hidden, .trail")
        && getComputedStyle(node).clipPath === "none";
    const controls = [...document.querySelectorAll(".bar *, .pane, .pane-head *, .whose *, .tabs *, .reply *, .log *")];
    const outside = controls.filter(seen).filter(node => {
        const box = node.getBoundingClientRect();
        return box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5);
    });
    const buttons = [...document.querySelectorAll("button, [role=tab]")].filter(seen)
        .filter(node => node.scrollWidth > node.clientWidth + 1);
    const panes = [...document.querySelectorAll(".pane")].filter(seen);
    const tooLow = panes.filter(node => node.getBoundingClientRect().bottom > innerHeight + 0.5
        || node.getBoundingClientRect().height < 120);
    const boxes = [...panes, document.querySelector(".bar"), document.querySelector(".log")];
    const overlapping = boxes.flatMap((one, at) => boxes.slice(at + 1).filter(other => {
        const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
        return a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5;
    }).map(other => [one, other])).flat();
    return [...outside, ...buttons, ...tooLow, ...overlapping].map(named);
}"""

# What a finger or an unsteady hand would miss, and what lies below something else where one would press it.
HARD_TO_HIT = """least => {
    const named = node => `${node.tagName}#${node.id}.${node.className} "${node.textContent.slice(0, 30)}"`;
    const inSight = node => {
        const box = node.getBoundingClientRect();
        let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
        for (let one = node.parentElement; one; one = one.parentElement) {
            if (getComputedStyle(one).overflowY === "visible") continue;
            const frame = one.getBoundingClientRect();
            [left, top] = [Math.max(left, frame.left), Math.max(top, frame.top)];
            [right, bottom] = [Math.min(right, frame.right), Math.min(bottom, frame.bottom)];
        }
        return [left, top, right, bottom];
    };
    const root = document.querySelector("dialog[open]") ?? document.body;
    const controls = [...root.querySelectorAll("button, a[href], input, select, textarea, summary")]
        .filter(node => node.checkVisibility({ visibilityProperty: true }) && !node.disabled);
    const small = controls.filter(node => node.matches("button, select, summary, input:not([type=radio])"))
        .filter(node => Math.min(node.offsetWidth, node.offsetHeight) < least);
    const covered = controls.filter(node => {
        const [left, top, right, bottom] = inSight(node);
        if (right - left < 8 || bottom - top < 8) return false;
        const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        return ![node, ...(node.labels ?? [])].some(one => one.contains(there));
    });
    return [...small, ...covered].map(named);
}"""

# Where the focus is, and whether a ring of two pixels around it, or around its label, shows it inside the window.
FOCUS = """() => {
    const node = document.activeElement;
    const ringed = one => {
        const style = getComputedStyle(one);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    };
    const box = node.getBoundingClientRect();
    return {
        name: `${node.tagName.toLowerCase()}#${node.id}.${node.className} ${node.dataset?.conversation ?? ""}`,
        ring: [node, node.closest("label")].some(one => one && ringed(one)),
        inside: box.left >= -1 && box.right <= innerWidth + 1 && box.top < innerHeight && box.bottom > 0,
        onPage: node !== document.body,
    };
}"""


@dataclass(frozen=True)
class Story:
    """One person to whom all was sent that the page can show, among people with odd names."""

    person: Person


@pytest.fixture(scope="module")
def story(stack: Stack) -> Story:
    """Messages on all channels: delivered, read, failed and answered; and people with long and right-to-left names."""
    scene = CheckedScene(stack)
    scene.reset()
    scene.outside.add_person("Konstantinos-Alexandros Papadimitrakopoulos-Theodorakopoulos of Thessaloniki 80", None)
    scene.outside.add_person("محمد عبد الرحمن الفارسي 👨‍👩‍👧", "+4915112300001", role="lead")
    person = scene.person()
    for channel, text in ((SMS, new_text()), (VIBER, LONG), (WHATSAPP, f"Also here: {LONG}")):
        panel = scene.compose(person, text, through=channel)
        panel.press("Send message")
        scene.refresh_until(panel, SENT)
        scene.outside.of(channel).reply(str(person.phone), new_text("Thank you, see you then!"))
    scene.outside.of(VIBER).provider("invalid_number", remaining=1)
    panel = scene.compose(person, new_text(), through=VIBER)
    panel.press("Send message")
    scene.refresh_until(panel, FAILED)
    eventually(lambda: scene.outside.notes(person.conversation_id), lambda seen: len(seen) >= 4, "four notes")
    return Story(person)


@pytest.fixture
def open_page(browser: Browser, stack: Stack, story: Story, scene: CheckedScene) -> Iterator[OpenPage]:
    """Opens the page beside the story's person: `open_page(size, theme)`; errors in its scripts fail the test."""
    opened = []
    errors: list[str] = []

    def opening(size: Size, theme: Any = "light", **context: Any) -> InboxPage:
        width, height = size
        opened.append(
            browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme, locale="en-US", **context
            )
        )
        page = opened[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        shown = InboxPage(page, stack.sandbox_url)
        shown.open(story.person.conversation_id)
        expect(shown.page.locator("#connection")).to_have_class("dot live")
        return shown

    yield opening
    for one in opened:
        one.close()
    assert not errors


def views_of(page: Page) -> list[str]:
    """The views that the switch on top offers at this width; one, where all panes are shown."""
    buttons = page.locator("#views").get_by_role("button")
    return [name for name in VIEWS if buttons.filter(has_text=name).is_visible()] or [VIEWS[0]]


def readable(page: Page, at_least: int) -> list[str]:
    """What is too faint; so many texts must have been measured."""
    page.wait_for_timeout(300)  # what comes in or fades has come to rest
    found = contrast(page)
    assert found.measured >= at_least
    return found.faint


def scrolls_sideways(page: Page) -> bool:
    """Whether the window itself can be moved at all, or one of its boxes to the side."""
    moved: bool = page.evaluate(
        """() => {
            const root = document.documentElement;
            const bodies = [root, document.body]
                .some(one => one.scrollWidth > innerWidth || one.scrollHeight > innerHeight + 1);
            const panes = ["thread", "conversations", "messages", "lines", "behaviour", "canvas"]
                .map(id => document.getElementById(id))
                .some(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1);
            return bodies || panes;
        }"""
    )
    return moved


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_nothing_is_cut_off_and_all_can_be_read(
    open_page: OpenPage, scene: CheckedScene, story: Story, screenshots: Path, size: Size, theme: str
) -> None:
    inbox = open_page(size, theme)
    page = inbox.page
    scene.outside.reply(str(story.person.phone), new_text("Thank you once more!"))
    expect(page.locator("#trail")).to_contain_text("ReplyReceived")
    name = f"{size[0]}-{theme}"
    for view in views_of(page):
        if page.locator("#views").is_visible():
            page.locator("#views").get_by_role("button", name=view).click()
        assert page.locator(".pane:visible").count() == PANES_SEEN[size[0]]
        channels = CHANNELS if page.locator("#channels").is_visible() else CHANNELS[:1]
        for channel in channels:
            if len(channels) > 1:
                expect(inbox.show_phone(channel)).to_contain_text("Thank you")
            assert page.evaluate(CUT_OFF) == []
            assert page.evaluate(HARD_TO_HIT, TARGET_PIXELS) == []
            assert not scrolls_sideways(page)
            assert readable(page, at_least=15) == []
            inbox.photograph(screenshots / f"{name}-{view.lower()}-{channel.kind}.png")
    assert page.locator(".bar").evaluate("bar => bar.getBoundingClientRect().height") <= BAR_ROWS_PIXELS[size[0]]

    scene.outside.of(WHATSAPP).provider("error_after_accepting", remaining=3, receipts="duplicate")
    expect(page.locator("#badges")).to_contain_text("duplicate")
    page.locator("#log summary").click()
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(HARD_TO_HIT, TARGET_PIXELS) == []
    assert not scrolls_sideways(page)
    assert readable(page, at_least=40) == []
    inbox.photograph(screenshots / f"{name}-log.png")
    page.locator("#log summary").click()

    page.locator("#open-behaviour").click()
    for who in ("Twilio", "Meta", "Infobip", "Intercom"):
        page.locator("#drawer-tabs").get_by_role("tab", name=who).click()
        expect(page.locator("#behaviours").get_by_role("group", name="How")).to_be_visible()
        assert readable(page, at_least=15) == []
        assert page.evaluate(HARD_TO_HIT, TARGET_PIXELS) == []
        drawer = page.locator("#behaviour").bounding_box()
        assert drawer is not None
        assert drawer["x"] >= 0
        assert drawer["x"] + drawer["width"] == size[0]
        assert drawer["height"] == size[1]
        assert not scrolls_sideways(page)
        inbox.photograph(screenshots / f"{name}-drawer-{who.lower()}.png")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_keys_alone_reach_everything(open_page: OpenPage, size: Size) -> None:
    inbox = open_page(size)
    page = inbox.page
    page.reload()  # keys begin at the page's top again
    inbox.settle()
    expect(inbox.thread).not_to_be_empty()
    stops = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if not stop["onPage"]:
            break
        assert stop["ring"], stop
        assert stop["inside"], stop
        stops.append(stop["name"])
    wanted = ["#teammate", "#open-behaviour", "#reset", ".conversation", "#thread"]
    if PANES_SEEN[size[0]] > 1:
        wanted += ["#reopen", ".ck-button"]
    if PANES_SEEN[size[0]] > 2:
        wanted += ["#number", "#open-channel-behaviour", "#tab-", "#messages", "#reply-text"]
    left = iter(stops)
    assert all(any(one in stop for stop in left) for one in [*wanted, "summary"]), stops  # in this order
    assert sum(".conversation" in stop for stop in stops) == 1


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_drawer_and_tabs_are_operated_by_keys(open_page: OpenPage, size: Size) -> None:
    page = open_page(size).page
    keys = page.keyboard
    drawer, opener = page.locator("#behaviour"), page.locator("#open-behaviour")
    opener.focus()
    keys.press("Enter")
    expect(drawer).to_be_visible()
    tabs = page.locator("#drawer-tabs").get_by_role("tab")
    expect(tabs.first).to_be_focused()
    keys.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    keys.press("End")
    expect(tabs.last).to_have_attribute("aria-selected", "true")
    expect(page.locator("#behaviours").get_by_label("Contacts", exact=False)).to_be_visible()
    keys.press("Home")
    expect(tabs.first).to_have_attribute("aria-selected", "true")
    expect(page.locator("#behaviours").get_by_label("Refuses the number", exact=False)).to_be_visible()
    keys.press("Tab")
    expect(page.locator("#behaviours").get_by_label("Normal", exact=False)).to_be_focused()
    keys.press("ArrowDown")
    expect(page.locator("#behaviours").get_by_label("Slow", exact=False)).to_be_checked()
    keys.press("Escape")
    expect(drawer).to_be_hidden()
    expect(opener).to_be_focused()
    expect(page.locator("#badges")).to_contain_text("slow")

    if size[0] < 1000:
        phone = page.locator("#views").get_by_role("button", name="Phone")
        phone.focus()
        keys.press("Enter")
    channels = page.locator("#channels").get_by_role("tab")
    channels.first.focus()
    for at in (1, 2):
        keys.press("ArrowRight")
        expect(channels.nth(at)).to_be_focused()
        expect(channels.nth(at)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#handset")).to_have_attribute("data-channel", "viber")
    keys.press("Tab")
    expect(page.locator("#messages")).to_be_focused()
    page.locator("#log summary").focus()
    keys.press("Enter")
    expect(page.locator("#lines")).to_be_visible()


def test_conversation_keeps_its_end_in_sight_when_the_log_opens(open_page: OpenPage) -> None:
    page = open_page(SIZES[0]).page
    left = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    page.locator("#log summary").click()
    for box in ("#thread", "#messages"):
        expect(page.locator("#lines")).to_be_visible()
        page.wait_for_timeout(100)
        assert page.locator(box).evaluate(left) < 2


def test_nothing_moves_for_people_who_do_not_want_it(open_page: OpenPage) -> None:
    moving = "() => document.getAnimations().filter(one => one instanceof CSSAnimation).map(one => one.animationName)"
    names = "selector => getComputedStyle(document.querySelector(selector)).animationName"
    still = open_page(SIZES[0], reduced_motion="reduce").page
    still.locator("#open-behaviour").click()
    assert still.evaluate(moving) == []
    for what in ("dialog", "#progress", ".event-chip:last-child"):
        assert still.evaluate(names, what) == "none"
    lively = open_page(SIZES[0], reduced_motion="no-preference").page
    lively.locator("#open-behaviour").click()
    assert lively.evaluate(names, "dialog") == "slide-in"


def test_link_to_the_new_conversation_shows_it_where_one_pane_has_room(
    open_page: OpenPage, scene: CheckedScene
) -> None:
    inbox = open_page(SIZES[-1])
    person, text = scene.person(), new_text()
    inbox.choose(person.conversation_id)
    inbox.page.locator("#views").get_by_role("button", name="Panel").click()
    inbox.compose(SMS, text)
    inbox.press(SEND_AND_OPEN)
    opened = scene.outside.await_opened(person, text)
    inbox.refresh_until(opened)
    expect(inbox.thread).to_be_hidden()
    inbox.card.get_by_role("button", name=opened).click()
    expect(inbox.thread).to_be_visible()
    expect(inbox.thread).to_contain_text(text)
    expect(inbox.page.locator("#views").get_by_role("button", name="Inbox")).to_have_attribute("aria-pressed", "true")


def test_only_opening_conversations_is_disturbed(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(SIZES[0]).page
    page.locator("#open-behaviour").click()
    page.locator("#drawer-tabs").get_by_role("tab", name="Intercom").click()
    form = page.locator("#behaviours")
    page.evaluate(READ_LATE, LATE_MILLISECONDS)
    form.get_by_label("New conversations", exact=False).check()
    expect(page.locator("body[data-read=late]")).to_be_attached()
    form.locator("input[value=error]").check()
    assert form.locator("input[value=error]").evaluate(STAYS_CHECKED, 2 * LATE_MILLISECONDS)
    expect(page.locator("#badges")).to_contain_text("Intercom")
    told = page.request.get(f"{stack.sandbox_url}/sandbox/behaviour/intercom").json()
    assert (told["mode"], told["only"]) == ("error", "messages")
