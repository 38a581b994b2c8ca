"""`dispatcher worker --channel sms` and `dispatcher webhooks`."""

import argparse
from functools import partial

from dispatcher.app import run_webhooks, run_worker
from dispatcher.settings import WebhooksSettings, WorkerSettings
from proactive_contracts.values import Channel
from runtime import logs
from runtime.lifecycle import run
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
        logs.configure(f"dispatcher.{arguments.channel}", settings.log_level, settings.log_format)
        return run(partial(run_worker, settings, arguments.channel))
    webhooks_settings = load(WebhooksSettings)
    logs.configure("dispatcher.webhooks", webhooks_settings.log_level, webhooks_settings.log_format)
    return run(partial(run_webhooks, webhooks_settings))


if __name__ == "__main__":
    raise SystemExit(main())
