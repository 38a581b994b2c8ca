"""`python -m tests.chaos`: the fault matrix, or a soak; make chaos and make soak call it."""

import argparse
import os
import secrets
import sys
from functools import partial

from devstack.errors import AlreadyRunning, DevstackError
from devstack.run import default_folder, forbid_open_files
from devstack.state import State
from tests.chaos.matrix import faults
from tests.chaos.runner import play_all
from tests.chaos.soak import soak


def main() -> int:
    """The exit code: 0 where every fault passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--only", default=os.environ.get("ONLY", ""), help="names of faults, separated by commas")
    parser.add_argument("--fast", action="store_true", help="those of make test")
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="random faults under load for so long")
    parser.add_argument("--seed", type=int, default=None, help="of a soak, to have the same faults again")
    parser.add_argument("--list", action="store_true", help="name them, and what must come of each")
    options = parser.parse_args()
    forbid_open_files()
    known = faults()
    if options.list:
        for one in known:
            print(f"{one.row:>3} {one.name:<44} {'fast  ' if one.fast else '      '}{one.promise}")
        return 0
    wanted = set(filter(None, options.only.split(",")))
    if unheard := wanted - {one.name for one in known}:
        print(f"no fault is called {', '.join(sorted(unheard))}; see: python -m tests.chaos --list", file=sys.stderr)
        return 2
    chosen = [one for one in known if (not wanted or one.name in wanted) and (one.fast or not options.fast)]
    folder, say = default_folder("chaos"), partial(print, flush=True)
    try:
        with State(folder).lock():
            if options.soak is not None:
                seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
                return soak(options.soak, seed, folder / "world", say)
            return play_all(chosen, folder / "world", say)
    except AlreadyRunning as error:
        print(f"make chaos is running already in this checkout (process {error}).", file=sys.stderr)
        return 1
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
