"""`python -m devstack run | demo | pictures | clean-state | backends`; make calls it."""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from devstack.errors import BackendError, DevstackError
from devstack.run import clean_state, default_folder, forbid_open_files, run


def main() -> int:
    """Do what the first argument says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    parser.add_argument("command", choices=["run", "demo", "pictures", "clean-state", "backends"])
    command = parser.parse_args().command
    forbid_open_files()
    try:
        if command == "run":
            return run(default_folder())
        if command == "clean-state":
            return clean_state(default_folder().parent)
        if command == "backends":
            return show_backends()
        return int(importlib.import_module(f"devstack.{command}").main())
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1


def show_backends() -> int:
    """Say which broker, database and browser the tests will use, and get what is missing."""
    from devstack.backends import choose
    from devstack.state import State

    with tempfile.TemporaryDirectory() as folder:
        chosen = choose(State(Path(folder)), purpose="tests", report=print)
    print(f"broker: {chosen.broker_kind}, database: {chosen.database_kind}, browser: {show_browser()}")
    return 0


def show_browser() -> str:
    """Its program; or, where there is none, what to do about it: the tests that need one say so again."""
    from devstack.chromium import ensure_chromium

    try:
        return str(ensure_chromium(print))
    except BackendError as error:
        return f"none ({error})"


if __name__ == "__main__":
    sys.exit(main())
