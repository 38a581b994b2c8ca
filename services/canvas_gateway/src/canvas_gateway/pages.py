"""The few pages that an administrator sees in the browser: self-contained, without scripts, light and dark."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; --ground: #f6f6f4; --sheet: #fff; --ink: #1c1d21; --quiet: #62646c; --edge: #e3e3df;
  --accent: #2b5cd9; --good: #1d7a4c; --bad: #b3361f }
@media (prefers-color-scheme: dark) {
  :root { --ground: #17181b; --sheet: #212327; --ink: #ececea; --quiet: #a4a6ad; --edge: #34363c; --accent: #8fb0ff;
    --good: #6fcf9a; --bad: #ff9b85 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px; background: var(--ground);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { width: 100%; max-width: 460px; padding: 32px; background: var(--sheet); border: 1px solid var(--edge);
  border-radius: 14px; overflow-wrap: anywhere }
.app { margin: 0 0 20px; color: var(--quiet); font-size: 14px; letter-spacing: .02em }
h1 { margin: 0 0 12px; font-size: 22px; line-height: 1.3; font-weight: 620 }
h1::before { content: ""; display: block; width: 28px; height: 4px; margin: 0 0 16px; border-radius: 2px;
  background: var(--bad) }
.good h1::before { background: var(--good) }
p { margin: 0 0 12px }
.next { color: var(--quiet) }
a { display: inline-block; margin-top: 8px; padding: 8px 16px; border: 1px solid var(--edge); border-radius: 8px;
  color: var(--accent); text-decoration: none; font-weight: 550 }
a:hover { border-color: currentcolor }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
""".strip()

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""No script runs, nothing is loaded, nobody frames it, and no address with a code in it is passed on."""


@dataclass(frozen=True)
class Page:
    """What happened, what that means, and what to do next; `again` offers to begin anew."""

    status: int
    title: str
    words: str
    advice: str
    again: bool = False

    def response(self) -> web.Response:
        """The page as HTML."""
        kind = "good" if self.status == 200 and not self.again else "bad"
        link = '<a href="/intercom/install">Start again</a>' if self.again else ""
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)} · Proactive</title><style>{_STYLE}</style></head>"
            f'<body><main class="{kind}"><p class="app">Proactive for Intercom</p><h1>{escape(self.title)}</h1>'
            f'<p>{escape(self.words)}</p><p class="next">{escape(self.advice)}</p>{link}</main></body></html>'
        )
        return web.Response(text=html, content_type="text/html", status=self.status, headers=HEADERS)
