"""Connecting a workspace in a browser: consent, refusal, a bad code, another browser, and how the pages look."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from devstack.channels import WORKSPACE
from devstack.demo.panel import MARIA
from devstack.surroundings import Surroundings
from tests.support.sandbox import running_installation

NARROW = 360
CODE = "bWFkZSB1cA=="

WIDER_THAN_ITS_WINDOW = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


class Administrator:
    """A person in a browser, who begins at the gateway's address for installing."""

    def __init__(self, page: Page, around: Surroundings, screenshots: Path) -> None:
        self.page = page
        self._around = around
        self._screenshots = screenshots
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda said: self._heard(said.type, said.text))

    def begin(self) -> None:
        """Go to the address for installing, which leads to Intercom's question."""
        self._arrived(self.page.goto(self._around.url("canvas_gateway", "/intercom/install")), 200)
        expect(self.page.get_by_role("heading")).to_contain_text(f"Allow Proactive to use {WORKSPACE}?")
        expect(self.page.get_by_role("main")).to_contain_text(MARIA.name)

    def decide(self, button: str) -> None:
        """Press a button of the question."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def comes_back(self, status: int, **query: str) -> None:
        """Come to the gateway as if Intercom had sent them, with this query."""
        address = f"{self._around.url('canvas_gateway', '/intercom/callback')}?{urlencode(query)}"
        self._arrived(self.page.goto(address), status)

    def state(self) -> str:
        """What the gateway gave to this browser for Intercom to bring back."""
        return parse_qs(urlsplit(self.page.url).query)["state"][0]

    def reads(self, title: str, *words: str) -> None:
        """The page has this title and these words."""
        expect(self.page.get_by_role("heading")).to_have_text(title)
        for word in words:
            expect(self.page.get_by_role("main")).to_contain_text(word)

    def photograph(self, name: str) -> None:
        """Keep the page in both colour schemes and narrow; it fits everywhere."""
        self._screenshots.mkdir(parents=True, exist_ok=True)
        usual = self.page.viewport_size or {"width": 1280, "height": 800}
        for scheme, width in (("light", usual["width"]), ("dark", usual["width"]), ("light", NARROW)):
            self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            self.page.set_viewport_size({"width": width, "height": usual["height"]})
            assert not self.page.evaluate(WIDER_THAN_ITS_WINDOW), f"{name} is wider than {width} pixels"
            kind = "narrow" if width == NARROW else scheme
            self.page.screenshot(path=self._screenshots / f"{name}-{kind}.png", animations="disabled")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": usual["width"], "height": usual["height"]})

    def _arrived(self, response: Response | None, status: int) -> None:
        assert response is not None
        assert response.status == status

    def _heard(self, kind: str, text: str) -> None:
        # A page that is answered with 400 is told on the console, and is what was asked for.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.troubles.append(text)


@pytest.fixture(scope="module")
def around(database_url: str) -> Iterator[Surroundings]:
    """A gateway and Intercom that do not know of each other so far."""
    with running_installation(database_url) as surroundings:
        yield surroundings


@pytest.fixture
def administrator(context: BrowserContext, around: Surroundings, screenshots: Path) -> Iterator[Administrator]:
    """Somebody with an empty browser; nothing may go wrong in it unnoticed."""
    person = Administrator(context.new_page(), around, screenshots)
    yield person
    assert not person.troubles


def test_consent_connects_the_workspace_and_later_renews_it(administrator: Administrator) -> None:
    administrator.begin()
    administrator.photograph("consent")
    administrator.decide("Allow")
    administrator.reads("Sandbox is connected", "can now be used", "You can close this page.")
    administrator.photograph("connected")
    administrator.begin()
    administrator.decide("Allow")
    administrator.reads("Sandbox was connected already", "access to Intercom has been renewed", "as they were")
    administrator.photograph("connected-already")
    administrator.page.reload()
    administrator.reads("This attempt is over", "was used before", "Start again")
    administrator.photograph("over")


def test_question_is_answered_by_keyboard(administrator: Administrator) -> None:
    administrator.begin()
    expect(administrator.page.get_by_role("button", name="Allow")).to_be_focused()
    administrator.page.keyboard.press("Tab")
    administrator.page.keyboard.press("Enter")
    administrator.reads("Nothing was changed")


def test_refused_consent_connects_nothing_and_can_be_begun_again(administrator: Administrator) -> None:
    administrator.begin()
    administrator.decide("Cancel")
    administrator.reads("Nothing was changed", "Access was declined at Intercom", "stays connected")
    administrator.photograph("declined")
    administrator.page.get_by_role("link", name="Start again").click()
    expect(administrator.page.get_by_role("button", name="Allow")).to_be_visible()


def test_code_that_intercom_does_not_know_is_told(administrator: Administrator) -> None:
    administrator.begin()
    administrator.comes_back(400, state=administrator.state(), code=CODE)
    administrator.reads("Intercom did not accept its code", "Nothing was connected.", "Start again")
    administrator.photograph("bad-code")


def test_state_of_another_browser_is_told(
    administrator: Administrator, browser: Browser, around: Surroundings, screenshots: Path
) -> None:
    administrator.begin()
    with browser.new_context(viewport={"width": 1280, "height": 800}) as stranger:
        other = Administrator(stranger.new_page(), around, screenshots)
        other.comes_back(400, state=administrator.state(), code=CODE)
        other.reads("This attempt was begun elsewhere", "Nothing was connected.")
        other.photograph("elsewhere")
    administrator.decide("Allow")
    administrator.reads("This attempt is over")


def test_old_tab_says_so_and_leaves_the_newer_one_alone(
    administrator: Administrator, context: BrowserContext, around: Surroundings, screenshots: Path
) -> None:
    administrator.begin()
    newer = Administrator(context.new_page(), around, screenshots)
    newer.begin()
    administrator.decide("Allow")
    administrator.reads("A newer attempt took the place of this one", "connects nothing any more", "newer tab")
    administrator.photograph("replaced")
    newer.decide("Allow")
    expect(newer.page.get_by_role("heading")).to_contain_text("connected")
    expect(newer.page.get_by_role("main")).to_contain_text("You can close this page.")


def test_question_of_an_unknown_app_is_not_asked(administrator: Administrator, around: Surroundings) -> None:
    administrator.page.goto(around.url("sandbox", "/intercom/oauth?client_id=nobody"))
    administrator.reads("This link does not work", "There is no app with the client_id", "Nothing was allowed.")
    administrator.photograph("no-such-app")
