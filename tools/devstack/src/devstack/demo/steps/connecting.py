"""An administrator connects the workspace in the browser: consent, refusal, and what is no consent at all."""

from devstack.channels import WORKSPACE
from devstack.demo.browser import Browser, WebPage
from devstack.demo.panel import MARIA
from devstack.demo.scene import SENT, Scene, see

CODE_REFUSED = "Intercom did not accept its code"


def consented(scene: Scene) -> None:
    """Intercom asks, the page says that it is connected, and the new access writes the next note."""
    browser = Browser()
    consent = asked(browser, scene)
    page = browser.press(consent, "decision", "allow")
    page.see("was connected already", "Its access to Intercom has been renewed.", "Channels and settings")
    browser.open(page.url).see("This attempt is over", status=400)
    person, text = scene.person(), "Your contract is ready."
    see(scene.compose(person, text).press("Send message"), SENT)
    scene.outside.await_received(str(person.phone), [text])
    scene.outside.await_note(person.conversation_id, text)


def refused(scene: Scene) -> None:
    """Consent is refused, the code is made up, or somebody else brings it: nothing is connected, and a page says so."""
    browser, callback = Browser(), f"{scene.stack.gateway_url}/intercom/callback"
    declined = browser.press(asked(browser, scene), "decision", "cancel")
    declined.see("Nothing was changed", "Access was declined at Intercom", "Start again")
    made_up = {"code": "bWFkZSB1cA==", "state": asked(browser, scene).parameter("state")}
    browser.open(callback, made_up).see(CODE_REFUSED, "Start again", status=400)
    foreign = {"code": "bWFkZSB1cA==", "state": asked(browser, scene).parameter("state")}
    Browser().open(callback, foreign).see("This attempt was begun elsewhere", status=400)


def asked(browser: Browser, scene: Scene) -> WebPage:
    """From our own address to Intercom's question."""
    return browser.open(f"{scene.stack.gateway_url}/intercom/install").see("Allow", "Cancel", WORKSPACE, MARIA.name)
