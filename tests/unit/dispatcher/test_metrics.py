"""What is counted."""

from prometheus_client import REGISTRY

from dispatcher import metrics
from dispatcher.domain.answers import Accepted
from proactive_contracts.values import Channel


def test_first_answer_of_a_provider_begins_every_other_kind_at_zero() -> None:
    metrics.answered(Channel.SMS, "test-metrics", Accepted("id-1"))
    [family] = [one for one in REGISTRY.collect() if one.name == "proactive_dispatcher_answers"]
    counted = {
        sample.labels["answer"]: sample.value
        for sample in family.samples
        if sample.labels["provider"] == "test-metrics" and sample.name.endswith("_total")
    }
    assert counted.pop("accepted") == 1
    assert counted == dict.fromkeys(
        ("blocked", "not_sent", "refused_temporarily", "rejected", "throttled", "unclear"), 0.0
    )
