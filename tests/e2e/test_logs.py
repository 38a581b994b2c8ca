"""What all the tests before wrote into logs: no text, no number and no secret of anybody."""

import re
from dataclasses import asdict
from urllib.parse import urlsplit

from devstack.demo.scene import FAILED, SENT, see
from tests.support.panel import MARK, CheckedScene, new_text

NO_SECRETS = {"node_token", "twilio_account_sid"}
"""Part of the broker's name, and an account's public id."""


def test_logs_hold_no_text_no_number_and_no_secret(scene: CheckedScene) -> None:
    person, other = scene.person(), scene.person()
    see(scene.compose(person, new_text()).press("Send message"), SENT)
    scene.outside.provider("invalid_number", remaining=1)
    see(scene.compose(other, new_text()).press("Send message"), FAILED)
    logs = {path.name: path.read_text(errors="replace") for path in scene.stack.state.logs.glob("*.log")}
    assert {"canvas_gateway.log", "dispatcher-sms.log", "status_tracker.log"} <= {
        name for name, log in logs.items() if log
    }
    for name, log in logs.items():
        for what, pattern in forbidden(scene).items():
            found = re.search(pattern, log)
            assert found is None, f"{what} in {name}: {log[max(0, found.start() - 200) : found.end() + 60]}"


def forbidden(scene: CheckedScene) -> dict[str, str]:
    """Patterns by what they stand for."""
    submissions = scene.outside.all_submissions()
    numbers = {str(row["to"]).lstrip("+") for row in submissions if len(str(row["to"])) > 8}
    texts = {str(row["text"])[:40] for row in submissions if len(str(row["text"])) >= 12} | {MARK}
    made_up = asdict(scene.stack.surroundings.secrets)
    secrets = {value for name, value in made_up.items() if name not in NO_SECRETS}
    secrets |= {str(urlsplit(url).password) for url in (scene.stack.amqp_url, scene.stack.database_url)}
    found = {"a full number": numbers, "a text": texts, "a secret": secrets}
    return {what: "|".join(map(re.escape, sorted(words))) for what, words in found.items()}
