"""
Becomes another program, after the two things that have to happen in the child itself.

It gives up root's rights where a server must not have them, and asks the kernel to signal the program when
devstack dies, so that nothing outlives a killed devstack. Usage: launch.py UID GID SIGNAL PARENT PROGRAM
[ARGUMENT...]; a UID of -1 keeps the account. It runs as a plain file with the standard library only, since
it is started for every process.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Never returns: the program takes this process over."""
    uid, gid, death_signal, parent = (int(argument) for argument in arguments[:4])
    c_library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # From here on nothing is imported: this Python may be where the new account cannot go.
    if c_library:
        c_library.prctl(PR_SET_PDEATHSIG, death_signal)  # the change of account clears it, so it comes after
    if os.getppid() != parent:
        sys.exit("launch: devstack has gone")
    program = arguments[4]
    try:
        os.execvp(program, arguments[4:])
    except OSError as error:
        sys.exit(f"launch: cannot start {program}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
