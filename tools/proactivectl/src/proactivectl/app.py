"""The command `proactivectl`: its parts, and how it ends."""

import logging
import os
import sys
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from proactivectl import directory, listeners, messages, output, setup
from proactivectl.failures import Failure

app = typer.Typer(
    name="proactivectl",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Set up Proactive, connect workspaces and channels, send and follow messages. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage.",
)
app.command("migrate")(setup.migrate)
app.add_typer(setup.topologies, name="topology")
app.command("apply")(directory.apply)
app.add_typer(directory.workspaces, name="workspace")
app.add_typer(directory.channels, name="channel")
app.add_typer(listeners.listeners, name="listener")
app.command("send")(messages.send)


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


def _quieten() -> None:
    """What libraries log says less than our own errors do; it would only hide them."""
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL, force=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
