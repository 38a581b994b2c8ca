"""The few pages that an administrator sees in the browser: self-contained, without scripts, light and dark."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; --ground: #eef1f4; --sheet: #fff; --ink: #1c232b; --quiet: #5a6673; --edge: #dce2e8;
  --accent: #2b6cb0; --on-accent: #fff; --good: #1e7a46; --good-wash: #e4f4ea; --bad: #b3261e; --bad-wash: #fdeceb;
  --calm-wash: #eceff3; --shadow: 0 8px 40px rgb(20 30 40 / 10%) }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12161a; --sheet: #1b2026; --ink: #e6eaee; --quiet: #9aa6b2; --edge: #2e363f; --accent: #78aee8;
    --on-accent: #0d1a28; --good: #6fcf97; --good-wash: #1d3327; --bad: #f2938c; --bad-wash: #3d2220;
    --calm-wash: #29313a; --shadow: none } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px; background: var(--ground);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
main { width: 100%; max-width: 460px; background: var(--sheet); border: 1px solid var(--edge); border-radius: 16px;
  box-shadow: var(--shadow); overflow-wrap: anywhere }
.app { display: flex; align-items: center; gap: 10px; margin: 0; padding: 14px 28px; color: var(--quiet);
  font-size: 14px; border-bottom: 1px solid var(--edge) }
.told { padding: 28px }
.mark { display: grid; place-items: center; width: 44px; height: 44px; margin: 0 0 18px; border-radius: 50%;
  color: var(--quiet); background: var(--calm-wash) }
.good .mark { color: var(--good); background: var(--good-wash) }
.bad .mark { color: var(--bad); background: var(--bad-wash) }
h1 { margin: 0 0 10px; font-size: 22px; line-height: 1.3; font-weight: 650 }
p { margin: 0 0 10px }
.next { margin: 0; color: var(--quiet) }
a { display: inline-block; margin-top: 20px; padding: 9px 18px; border-radius: 9px; background: var(--accent);
  color: var(--on-accent); text-decoration: none; font-weight: 600 }
a:hover { filter: brightness(1.06) }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
""".strip()

_ICON = (
    '<svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6" '
    'fill="#2b6cb0"/><path d="M6 7h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-6l-4 3v-3H6a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1z" '
    'fill="#fff"/><path d="M8.5 11.5h7M13 9l2.5 2.5L13 14" stroke="#2b6cb0" stroke-width="1.5" fill="none" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
_MARKS = {"good": "M5 12.5l4.5 4.5L19 7.5", "calm": "M6 12h12", "bad": "M12 5.5v8M12 18v.01"}
"""The line that is drawn in the circle: a tick, a dash, an exclamation mark."""

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
    """
    What happened, what that means, and what to do next; `again` offers to begin anew.

    With status 200 and an offer to begin anew, somebody chose it so: that is neither success nor trouble.
    """

    status: int
    title: str
    words: str
    advice: str
    again: bool = False

    def response(self) -> web.Response:
        """The page as HTML."""
        link = '<a href="/intercom/install">Start again</a>' if self.again else ""
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)} · Proactive</title><style>{_STYLE}</style></head>"
            f'<body><main class="{self._kind}"><p class="app">{_ICON}Proactive for Intercom</p><div class="told">'
            f"{_mark(self._kind)}<h1>{escape(self.title)}</h1>"
            f'<p>{escape(self.words)}</p><p class="next">{escape(self.advice)}</p>{link}</div></main></body></html>'
        )
        return web.Response(text=html, content_type="text/html", status=self.status, headers=HEADERS)

    @property
    def _kind(self) -> str:
        if self.status != 200:
            return "bad"
        return "calm" if self.again else "good"


def _mark(kind: str) -> str:
    return (
        f'<div class="mark" aria-hidden="true"><svg width="24" height="24" viewBox="0 0 24 24" fill="none" '
        f'stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round">'
        f'<path d="{_MARKS[kind]}"/></svg></div>'
    )
