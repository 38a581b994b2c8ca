"""The command `proactivectl`: its parts, and how it ends."""

import logging
import os
import sys
from importlib.metadata import version
from typing import Annotated

import structlog
import typer
from typer.exceptions import TyperException

from proactivectl import (
    auditing,
    controls,
    directory,
    doctor,
    erasing,
    examples,
    gates,
    keys,
    listeners,
    listing,
    messages,
    output,
    parked,
    setup,
    status,
)
from proactivectl.failures import Failure, WrongUsage

app = typer.Typer(
    name="proactivectl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Set up Proactive, connect workspaces and channels, send and follow messages. "
    "In trouble, begin with status and doctor; docs/runbook.md goes on from there. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage.",
)
_LOOK, _MESSAGES = "How it stands", "Messages"
_CONNECT, _SET_UP = "Workspaces and channels", "Setting up"

app.command("status", rich_help_panel=_LOOK)(status.status)
app.command("doctor", rich_help_panel=_LOOK)(doctor.doctor)
app.add_typer(auditing.audits, name="audit", rich_help_panel=_LOOK)
app.command("send", rich_help_panel=_MESSAGES)(messages.send)
controls.one_message.command("list")(listing.list_messages)
app.add_typer(controls.one_message, name="message", rich_help_panel=_MESSAGES)
app.add_typer(parked.parkeds, name="parked", rich_help_panel=_MESSAGES)
app.command("erase", rich_help_panel=_MESSAGES)(erasing.erase)
app.command("apply", rich_help_panel=_CONNECT)(directory.apply)
app.add_typer(directory.workspaces, name="workspace", rich_help_panel=_CONNECT)
gates.add_to(directory.channels)
app.add_typer(directory.channels, name="channel", rich_help_panel=_CONNECT)
app.add_typer(listeners.listeners, name="listener", rich_help_panel=_CONNECT)
app.command("migrate", rich_help_panel=_SET_UP)(setup.migrate)
app.add_typer(setup.topologies, name="topology", rich_help_panel=_SET_UP)
app.add_typer(keys.keys, name="keys", rich_help_panel=_SET_UP)
examples.put_under(app)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"proactivectl {version('proactive-proactivectl')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What belongs to no single command."""


def main() -> int:
    """Run the command that the arguments name; the exit code."""
    output.reset()
    _quieten()
    try:
        if "--json" in sys.argv[1:]:
            return _with_json()
        app()
    except Failure as failure:
        output.complain(failure)
        return failure.exit_code
    except Exception as error:
        if os.environ.get("PROACTIVE_LOG_LEVEL") == "debug":
            raise
        what = f"something that this command does not know went wrong ({type(error).__name__}: {error})"
        output.complain(Failure(what, "Run it again with PROACTIVE_LOG_LEVEL=debug to see where."))
        return Failure.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _with_json() -> int:
    """As typer does it, but wrong usage is told by `{"error": …}` as well."""
    output.use_json(True)
    try:
        ended = app(standalone_mode=False)
    except TyperException as error:
        raise WrongUsage(error.format_message(), "See: proactivectl --help") from None
    return ended if isinstance(ended, int) else 0


def _quieten() -> None:
    """What libraries log says less than our own errors do; it would only hide them."""
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL, force=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
