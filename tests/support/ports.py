"""Ports for servers that have to be told theirs."""

import random

from devstack.state import PORTS, hold, is_free


def free_port() -> int:
    """Nobody takes it before its server listens: it is no port for clients, and kept until this process ends."""
    while True:
        port = random.choice(PORTS)
        if is_free(port) and (held := hold(port)):
            held.detach()
            return port
