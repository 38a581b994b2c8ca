"""The page on which a teammate allows an app, in plain HTML without any script."""

from html import escape

from aiohttp import web

from sandbox.world import Admin

_HEADERS = {
    # No form-action: the answer leads to the app's own address.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PERMISSIONS = (
    "Read and write people and leads",
    "Read and write conversations",
    "Read teammates",
    "Read and write tags",
    "Gather basic workspace data",
)
_FRAME = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title}</title>
  <link rel="icon" href="/page/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/page/style.css">
  <link rel="stylesheet" href="/page/consent.css">
</head>
<body class="consent">
  <main class="consent-card">
{content}
  </main>
</body>
</html>
"""


def consent_page(admin: Admin, workspace_id: str, app_host: str) -> web.Response:
    """What the app would be allowed, with Allow and Cancel."""
    permissions = "\n".join(f"      <li>{escape(one)}</li>" for one in _PERMISSIONS)
    content = f"""    <div class="consent-icons" aria-hidden="true">
      <img src="/page/icon.svg" alt="" width="44" height="44"><span>⇄</span><b>I</b>
    </div>
    <h1>Allow Proactive to use <span class="workspace">{escape(workspace_id)}</span>?</h1>
    <p>You are signed in to this Intercom as <strong>{escape(admin.name)}</strong>. The app will be able to:</p>
    <ul>
{permissions}
    </ul>
    <p class="muted">Either way you go on to <strong>{escape(app_host)}</strong>.</p>
    <form method="post">
      <button type="submit" name="decision" value="allow" class="allow" autofocus>Allow</button>
      <button type="submit" name="decision" value="cancel">Cancel</button>
    </form>"""
    return _page("Allow Proactive?", content, 200)


def trouble_page(reason: str) -> web.Response:
    """Why nothing can be asked; a person gets back by the browser."""
    content = f"""    <h1>This link does not work</h1>
    <p role="alert">{escape(reason)}</p>
    <p class="muted">Nothing was allowed. Go back to where you came from and try again.</p>"""
    return _page("This link does not work", content, 400)


def _page(title: str, content: str, status: int) -> web.Response:
    text = _FRAME.format(title=escape(title), content=content)
    return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)
