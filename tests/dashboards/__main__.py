"""
`python -m tests.dashboards`: draws each dashboard from its definition and a real Prometheus' answers.

A stack of its own is under load for some minutes, and a Prometheus watches it. Grafana has no part in it.
"""

import argparse
import sys
import time

from devstack.errors import DevstackError
from devstack.progress import Progress
from devstack.prometheus_tools import not_checked, tool
from devstack.run import shown
from devstack.state import root_of_checkout
from tests.dashboards.drawing import draw
from tests.dashboards.model import NAMES, Span, answers, read
from tests.dashboards.traffic import play
from tests.dashboards.watching import Prometheus, watched
from tests.support.panel import CheckedScene

PICTURES = root_of_checkout() / "docs" / "dashboards"
SCRAPED_SECONDS = 5
CALM_SECONDS = 10
ABOUT = "drawn from deploy/grafana/dashboards and a real Prometheus' answers, not by Grafana"


def main() -> int:
    """Draw them all; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.dashboards", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="how long messages are sent (600)")
    seconds = parser.parse_args().seconds
    program = tool("prometheus")
    if program is None:
        print(not_checked("No picture was drawn, since deploy/grafana", "prometheus"), file=sys.stderr)
        return 1
    progress = Progress()
    try:
        with watched(program, SCRAPED_SECONDS, progress) as world:
            begin = time.time()
            with progress.stage(f"{seconds} s of messages"):
                play(CheckedScene(world.stack), seconds)
            time.sleep(CALM_SECONDS)
            pictures(world.prometheus, Span(begin, time.time(), SCRAPED_SECONDS, SCRAPED_SECONDS), progress)
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def pictures(prometheus: Prometheus, span: Span, progress: Progress) -> None:
    """One file for each dashboard."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        dashboard = read(name)
        variables = dashboard.variables(prometheus, span, **({"channel": "sms"} if name == "channel" else {}))
        found = {panel.raw["id"]: answers(panel, prometheus, span, variables) for panel in dashboard.panels}
        chosen = "channel sms; " if name == "channel" else ""
        path = PICTURES / f"{name}.svg"
        path.write_text(draw(dashboard, found, span, chosen + ABOUT))
        progress.say(f"  {shown(path)}")


if __name__ == "__main__":
    sys.exit(main())
