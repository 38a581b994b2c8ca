"""`dispatcher worker --channel sms` and `dispatcher webhooks`."""

import argparse
from functools import partial

from dispatcher.app import run_webhooks, run_worker
from dispatcher.settings import DispatcherSettings, WebhooksSettings, WorkerSettings
from proactive_contracts.values import Channel
from runtime import logs, tracing
from runtime.lifecycle import Main, run
from runtime.settings import load


def main() -> int:
    """Parse the command line, read the settings, run."""
    parser = argparse.ArgumentParser(prog="dispatcher", description="Speaks with messaging providers, both ways.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    worker = kinds.add_parser("worker", help="send the messages of one channel")
    worker.add_argument("--channel", type=Channel, choices=list(Channel), required=True)
    kinds.add_parser("webhooks", help="take receipts and replies from providers")
    arguments = parser.parse_args()
    if arguments.kind == "worker":
        settings = load(WorkerSettings)
        return _run(f"dispatcher.{arguments.channel}", settings, partial(run_worker, settings, arguments.channel))
    webhooks_settings = load(WebhooksSettings)
    return _run("dispatcher.webhooks", webhooks_settings, partial(run_webhooks, webhooks_settings))


def _run(name: str, settings: DispatcherSettings, main: Main) -> int:
    logs.configure(name, settings.log_level, settings.log_format)
    with tracing.exporting(name):
        return run(main)


if __name__ == "__main__":
    raise SystemExit(main())
