"""`make run` with stand-ins, as a process that tests can send signals to: run_stand_ins.py FOLDER [HOW]."""

import sys
from pathlib import Path

from devstack.backends import Backends, ExternalBroker, ExternalDatabase
from devstack.run import run
from devstack.services import Service
from devstack.stack import Stack

STAND_IN = str(Path(__file__).with_name("stand_in.py"))


class Broker(ExternalBroker):
    """Needs no reaching."""

    def start(self) -> None:
        """Nothing to reach."""


class Database(ExternalDatabase):
    """Needs no reaching."""

    def start(self) -> None:
        """Nothing to reach."""


class StandIns(Stack):
    """Two stand-ins, with the ports that the welcome speaks of."""

    def __init__(self, folder: Path, **others: object) -> None:
        how = sys.argv[2:]
        environment = {"STUBBORN": "1"} if "--stubborn" in how else {}
        ready = "nobody" if "--never-ready" in how else "sandbox"
        services = [
            Service("sandbox", (STAND_IN,), {"PORT": "sandbox"}, (ready, "/"), lambda _: environment),
            Service(
                "status_tracker",
                (STAND_IN,),
                {"PORT": "status_tracker", "GATEWAY": "canvas_gateway", "OTHER": "nobody"},
                ("status_tracker", "/"),
                lambda _: environment,
            ),
        ]
        backends = Backends(Broker(""), Database(""), "none", "none")
        super().__init__(folder, services=services, backends=backends)

    def set_up(self) -> None:
        """Nothing to set up."""


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), StandIns))
