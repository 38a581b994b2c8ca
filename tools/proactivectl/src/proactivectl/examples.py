"""An example of every command, which stands under its help."""

from collections.abc import Mapping

import typer

_CHANNEL = "0b5ad1a0-0000-4000-8000-000000000001"
_MESSAGE = "01a207ae-a738-7d2e-9a41-8f3c5d6e7a90"
_OF = "--workspace abc123"
_PHONE = '"+49 151 12345678"'
_MANAGEMENT = "--management-url http://deployer:password@broker:15672"

EXAMPLES: Mapping[str, str] = {
    "status": "--watch",
    "doctor": "",
    "audit list": f"--subject {_CHANNEL}",
    "send": f'{_OF} --channel sms --to {_PHONE} --text "Your parcel is here."',
    "message list": f"{_OF} --search {_PHONE} --status unknown",
    "message show": f"{_MESSAGE} {_OF}",
    "message cancel": f"{_MESSAGE} {_OF}",
    "message resolve": f"{_MESSAGE} {_OF} --sent",
    "parked list": "--queue status_tracker.history",
    "parked show": _MESSAGE,
    "parked replay": "--queue dispatcher.sms.bulk --reason unexpected --yes",
    "parked drop": f"--message-id {_MESSAGE} --yes",
    "erase": f"{_OF} --phone {_PHONE} --yes",
    "apply": "-f channels.yaml",
    "workspace add": 'abc123 --name "Example Ltd" --token env:INTERCOM_TOKEN --region eu',
    "workspace list": "",
    "channel connect": f'{_OF} --name "Support line" --channel sms --provider twilio --sender +4915700000001 '
    "--credential account_sid=env:TWILIO_ACCOUNT_SID --credential auth_token=file:/run/secrets/twilio",
    "channel disable": _CHANNEL,
    "channel enable": _CHANNEL,
    "channel list": f"{_OF}",
    "channel state": "",
    "channel pause": _CHANNEL,
    "channel resume": _CHANNEL,
    "channel limit": f"{_CHANNEL} 20",
    "listener add": "billing",
    "listener list": "",
    "listener remove": "billing",
    "migrate": "--accounts accounts.yaml",
    "topology apply": f"--accounts accounts.yaml {_MANAGEMENT}",
    "topology diff": _MANAGEMENT,
    "topology users": "--accounts accounts.yaml",
    "keys list": "",
    "keys rotate": "",
    "keys new": "",
}
"""By the command's words: what follows them."""


def put_under(commands: typer.Typer, path: str = "") -> None:
    """Give each command its example; one that has none is a KeyError at the start."""
    for command in commands.registered_commands:
        name = f"{path}{command.name}"
        command.epilog = f"Example: proactivectl {name} {EXAMPLES[name]}".rstrip()
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            put_under(group.typer_instance, f"{path}{group.name} ")
