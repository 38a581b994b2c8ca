"""One thread that starts every child of ours."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Order = tuple[Callable[[], None], threading.Lock, list[BaseException]]


class Starter:
    """
    Does what it is told, one after the other, in a thread that lives as long as we do.

    The kernel's "tell me when my parent dies" means the thread that started a child, not the process.

    A Ctrl-C may come at any moment while somebody waits here. So waiting is nothing but one lock of the
    interpreter's own: a pool's future can be left locked by the interruption, and its thread then hangs.
    """

    def __init__(self) -> None:
        self._orders: SimpleQueue[Order] = SimpleQueue()
        threading.Thread(target=self._work, name="devstack-starter", daemon=True).start()

    def run(self, work: Callable[[], None]) -> None:
        """Wait until it is done; what it raises is raised here."""
        done, failures = threading.Lock(), list[BaseException]()
        done.acquire()
        self._orders.put((work, done, failures))
        done.acquire()
        if failures:
            raise failures[0]

    def _work(self) -> None:
        while True:
            work, done, failures = self._orders.get()
            try:
                work()
            except BaseException as error:
                failures.append(error)
            done.release()
