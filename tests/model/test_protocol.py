"""
The promise, in every world that crashes, lost answers and slow workers can lead to: never twice, lost, or stuck.

And that the search would notice: the ways to do it that docs/adr/0002-claim-before-call.md decided against are searched
as well, and must be found wrong.
"""

import pytest

from dispatcher.domain.states import Capabilities, State
from dispatcher.providers.registry import providers
from tests.model.jobs import PROFILES
from tests.model.protocol import Protocol
from tests.model.search import Searched, Wrong, at_rest, search
from tests.model.world import Faults, World
from tests.model.wrong import CallFirst

NOTHING_SENT = frozenset({State.FAILED, State.CANCELLED, State.EXPIRED})
DECIDED = NOTHING_SENT | {State.ACCEPTED, State.UNKNOWN, State.NOT_SENT}

FAULTS = {
    "crashes": Faults(crash=2, lost=1, again=1),
    "refusals": Faults(crash=1, lost=1, refuse=2),
    "slow workers": Faults(crash=1, lost=1, refuse=1, freeze=1),
    "people": Faults(crash=2, lost=1, refuse=1, cancel=1, verdict=1),
}
"""What may go wrong, each so often at most. Two crashes and a lost answer are fewer than the looks of any profile."""


def promise_is_kept(found: Searched, can: Capabilities) -> None:
    """
    Everything that must hold in every world, and where nothing more happens.

    Raises:
        Wrong: it does not hold in this one.
    """
    found.must(lambda world: world.copies <= 1, "sent twice")
    found.must(lambda world: not world.strayed, "sent after people could decide that it was not")
    found.must(lambda world: not world.copies or state_of(world) not in NOTHING_SENT, "called not sent, and it was")
    found.must(lambda world: state_of(world) is not State.ACCEPTED or was_sent(world), "called sent, and it was not")
    found.must(lambda world: state_of(world) is not State.UNKNOWN or world.faulty, "unknown, though nothing went wrong")
    found.must(at_rest, "somebody is busy for ever", found.ends)
    found.must(lambda world: state_of(world) in DECIDED, "lost: nothing became of it", found.ends)
    found.must(was_told, "lost: nobody was told", found.ends)
    found.must(lambda world: could_not_be_known(world, can), "unknown, though it could be found out", found.ends)


def state_of(world: World) -> State | None:
    return None if world.row is None else world.row.state


def was_sent(world: World) -> bool:
    return world.copies > 0 or (world.row is not None and world.row.by_verdict)


def was_told(world: World) -> bool:
    return world.row is not None and not world.row.untold and not world.row.unmarked


def could_not_be_known(world: World, can: Capabilities) -> bool:
    """Whether it is unknown by rights: what the provider has is found, unless that became too late, or was stopped."""
    if state_of(world) is not State.UNKNOWN:
        return True
    given_up = world.too_late or (world.row is not None and world.row.stopped)
    if can.receipts_echo:
        return world.copies == 0 and (given_up or not can.same_id_again)
    if can.look_up:
        return world.copies == 0 or world.too_late
    return given_up or not can.same_id_again


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_promise_is_kept_in_every_world(profile: str, faults: str) -> None:
    can = PROFILES[profile]
    found = search(Protocol(can), FAULTS[faults])
    assert len(found.worlds) > 1_000
    promise_is_kept(found, can)


def test_every_adapter_offers_what_was_searched() -> None:
    searched = {(can.same_id_again, can.look_up, can.receipts_echo) for can in PROFILES.values()}
    offered = [provider.capabilities for provider in providers().values()]
    assert {(can.same_id_again, can.look_up, can.receipts_echo) for can in offered} <= searched


def test_everything_at_once_keeps_the_promise_where_the_provider_offers_nothing() -> None:
    """The hardest case; for the other profiles it takes minutes."""
    can = PROFILES["nothing"]
    promise_is_kept(search(Protocol(can), Faults(crash=2, lost=1, refuse=1, again=1, freeze=1)), can)


def test_without_faults_it_is_sent_once_and_told() -> None:
    for can in PROFILES.values():
        found = search(Protocol(can), Faults())
        ends = {(state_of(world), world.copies) for world in found.ends}
        assert ends == {(State.ACCEPTED, 1), (State.EXPIRED, 0)}, "what comes after its time expires"


TWICE = Faults(crash=2, lost=2)

WRONG = {
    "call, then ack": CallFirst(PROFILES["nothing"]),
    "call, then ack; look-up": CallFirst(PROFILES["look-up"]),
    "remember after the call": CallFirst(PROFILES["nothing"], remembers=True),
    "call again what is unclear": Protocol(PROFILES["nothing"], calls_again=True),
    "call again what is not found too soon": Protocol(PROFILES["look-up"], believes_absence=True, settles=False),
}


@pytest.mark.parametrize("protocol", WRONG.values(), ids=WRONG)
def test_protocol_that_calls_blindly_sends_up_to_five_copies(protocol: Protocol) -> None:
    """Each crash and each lost answer makes one more."""
    found = search(protocol, TWICE)
    assert found.most_copies == 5
    with pytest.raises(Wrong, match="sent twice: take delivery"):
        promise_is_kept(found, protocol.can)


@pytest.mark.parametrize("remembers", [False, True])
def test_provider_that_knows_its_ids_forgives_it(remembers: bool) -> None:
    """The only case in which calling first is harmless, and it was never told as sent either."""
    assert search(CallFirst(PROFILES["same id again"], remembers=remembers), TWICE).most_copies == 1


def test_claim_without_leases_is_lost_silently() -> None:
    """Remembering before the call and nothing more: never twice, and nobody learns what became of it."""
    found = search(Protocol(PROFILES["nothing"], leases=False), TWICE)
    assert found.most_copies == 1
    with pytest.raises(Wrong, match=r"lost: nothing became of it: .*crash while c"):
        promise_is_kept(found, PROFILES["nothing"])


def test_absence_proves_something_only_once_the_list_is_complete_and_nobody_is_slow() -> None:
    settled = Protocol(PROFILES["look-up"], believes_absence=True)
    assert search(settled, Faults(crash=2)).most_copies == 1
    assert search(settled, TWICE).most_copies == 3, "a look-up that failed is no absence either"
    careless = Protocol(PROFILES["look-up"], believes_absence=True, checks_lease=False)
    assert search(careless, Faults(crash=1, freeze=1)).most_copies == 2


@pytest.mark.parametrize("profile", ["nothing", "receipts", "look-up"])
def test_call_that_does_not_look_at_its_lease_leaves_after_a_verdict(profile: str) -> None:
    """Somebody said "not sent" and re-sent it; then the slow worker goes on."""
    can = PROFILES[profile]
    found = search(Protocol(can, checks_lease=False), Faults(freeze=1, verdict=1))
    with pytest.raises(Wrong, match="sent after people could decide that it was not"):
        promise_is_kept(found, can)
