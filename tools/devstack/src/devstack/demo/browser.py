"""A person's browser, as far as consent goes: it follows where it is sent, keeps cookies and presses buttons."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from http.cookiejar import CookieJar
from typing import Any

from devstack.demo.calls import CALL_SECONDS
from devstack.demo.checks import Unexpected, expect


@dataclass(frozen=True)
class WebPage:
    """A page, and the address at which it was found in the end."""

    url: str
    status: int
    text: str

    def see(self, *words: str, status: int = 200) -> "WebPage":
        """
        It came with this status, and all of these stand there.

        Raises:
            Unexpected: it is another page.
        """
        for word in words:
            expect(word in self.text and self.status == status, f"a page with status {status} and {word!r}", self)
        return self

    def parameter(self, name: str) -> str:
        """
        A parameter of its address.

        Raises:
            Unexpected: it has none of this name.
        """
        found = urllib.parse.parse_qs(urllib.parse.urlsplit(self.url).query).get(name, [])
        expect(len(found) == 1, f"an address with one {name}", self)
        return found[0]

    def __str__(self) -> str:
        return f"HTTP {self.status} at {self.url.partition('?')[0]}: {self.text[-600:]}"


class Browser:
    """One browser, with cookies of its own; proxies that the environment names are passed by."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def open(self, url: str, parameters: Mapping[str, str] | None = None) -> WebPage:
        """Go to an address."""
        return self._load(f"{url}?{urllib.parse.urlencode(parameters)}" if parameters else url)

    def press(self, page: WebPage, name: str, value: str) -> WebPage:
        """Press a button of the page's form, which leads to the page's own address."""
        return self._load(page.url, urllib.parse.urlencode({name: value}).encode())

    def _load(self, url: str, form: bytes | None = None) -> WebPage:
        try:
            answer: Any = self._opener.open(url, form, timeout=CALL_SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        except (OSError, http.client.HTTPException) as error:
            raise Unexpected(f"a page at {url}", f"{type(error).__name__}: {error}") from None
        with answer:
            return WebPage(answer.url, answer.status, unescape(answer.read().decode()))
