"""
The sandbox's page in a real browser, on the stack that all tests share.

Chromium is started once per module and not once per run: while Playwright runs, no other event loop may, and
asynchronous tests elsewhere have their own.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from devstack.channels import Connected
from devstack.chromium import browser as running_browser
from devstack.chromium import ensure_chromium
from devstack.errors import BackendError
from devstack.inbox_page import InboxPage
from devstack.stack import Stack
from devstack.state import root_of_checkout
from tests.support.backends import missing_backend
from tests.support.panel import CheckedScene

SCREENSHOTS = root_of_checkout() / ".dev" / "screenshots"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with an empty profile; skipped where there is none, a failure in CI."""
    try:
        program = ensure_chromium(print)
    except BackendError as error:
        missing_backend(error)
    with running_browser(program) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser: light, at the size that the page is made for."""
    opened = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-US")
    yield opened
    opened.close()


@pytest.fixture
def given_up_soon(scene: CheckedScene) -> Iterator[Callable[[Connected], None]]:
    """Has a channel's worker ask a person soon about what it cannot find out, until the test's end."""
    hurried: list[Connected] = []

    def hurry(channel: Connected) -> None:
        scene.stack.restart(channel.worker, {"PROACTIVE_SETTLING_SECONDS": "1"})
        hurried.append(channel)

    yield hurry
    for channel in hurried:
        scene.stack.restart(channel.worker)


@pytest.fixture
def screenshots(request: pytest.FixtureRequest) -> Path:
    """Where this module's pictures go."""
    module: str = request.module.__name__
    return SCREENSHOTS / module.rpartition("test_")[2]


@pytest.fixture
def inbox(
    context: BrowserContext, stack: Stack, screenshots: Path, request: pytest.FixtureRequest
) -> Iterator[InboxPage]:
    """
    The page, not opened yet; what it shows at the test's end is kept.

    An error in its scripts fails the test.
    """
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(f"{said.text} {said.location}") if said.type == "error" else None)
    shown = InboxPage(page, stack.sandbox_url)
    yield shown
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    shown.photograph(screenshots / f"{name}.png")
    assert not errors
