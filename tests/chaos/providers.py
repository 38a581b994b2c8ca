"""Providers that are slow, hang up, lie, throttle, refuse one tenant, cannot be reached, or answer nonsense."""

import datetime
import ipaddress
import json
import ssl
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devstack.channels import VIBER
from devstack.demo.scene import FAILED, see
from tests.chaos import observed, operating
from tests.chaos.matrix import fault
from tests.chaos.proxy import Proxy, Tampering
from tests.chaos.run import Run
from tests.chaos.traffic import Message
from tests.chaos.world import SMS

CALL_SECONDS = 4
MEGABYTE = 1024 * 1024


@fault("provider-slow", row="23", fast=True)
def slow(run: Run) -> None:
    """An answer within a call's time counts; where it comes later, the look-up finds out what became of it."""
    run.receipts("none")
    run.may_end("sent")
    for seconds in (CALL_SECONDS - 1.5, CALL_SECONDS + 2):
        run.provider("slow", delay_seconds=seconds, receipts="none")
        [message] = run.publish()
        run.await_submission(message)


@fault("provider-fails-after-accepting", row="24", fast=True)
def fails_after_accepting(run: Run) -> None:
    """500 proves nothing: it is resolved, and not sent again."""
    run.provider("error_after_accepting", remaining=3)
    run.publish(3)


@fault("provider-hangs-up", row="25")
def hangs_up(run: Run) -> None:
    """The request went out, so whether it was taken is found out, or unknown; never sent blindly again."""
    run.may_end("sent")
    run.provider("close_after_accepting", remaining=1, receipts="none")
    [taken] = run.publish()
    run.await_submission(taken)
    run.may_end("unknown")
    run.expect_unknowns(1)
    run.provider("close_before_accepting", remaining=1, receipts="none")
    [lost] = run.publish()
    run.await_submission(lost)


@fault("provider-unreachable", row="26", seconds=60)
def unreachable(run: Run) -> None:
    """Refused connections, names that do not resolve and expired certificates: nothing left, and it is sent once."""
    world = run.world
    lines = closed, nameless, expired = (world.lines.take(), world.lines.take(), world.lines.take())
    closed.wire.refuse()
    with expired_server(run) as url:
        world.lines.change(nameless, base_url="https://provider.invalid")
        world.lines.change(expired, base_url=url)
        world.lines.connect()
        messages = [run.publish(channel=line.channel, seconds=120)[0] for line in lines]
        for message in messages:
            run.await_job(message, "waiting", seconds=30)
        run.see(not observed.ledger(world), "nothing at the provider", len(observed.ledger(world)))
        closed.wire.flow()
        world.lines.change(nameless)
        world.lines.change(expired)
        world.lines.connect()


@fault("provider-throttles", row="27", seconds=60)
def throttles(run: Run) -> None:
    """Retry-After is honoured where it can be, clamped where it is absurd, and no try is used up."""
    soon = format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4), usegmt=True)
    for wanted in ("2", soon, "soon, please", "-5"):
        line = run.world.lines.take()
        run.provider("rate_limited", remaining=1, retry_after=wanted)
        [message] = run.publish(channel=line.channel)
        run.await_submission(message, 2, seconds=20)
        first, second = (datetime.datetime.fromisoformat(row["at"]) for row in run.submissions(message)[:2])
        waited = (second - first).total_seconds()
        run.see(0.9 <= waited <= 10, f"a pause that fits Retry-After: {wanted}", f"{waited:.1f} s")
        job = run.job(message)
        run.see(job is not None and job["tries"] == 0, "no try used up", job and job["tries"])
    line = run.world.lines.take()
    run.provider("rate_limited", remaining=1, retry_after="1000000000")
    run.may_end("failed")
    [hurried] = run.publish(channel=line.channel, seconds=30)
    run.await_status(hurried, "failed")
    run.may_end("cancelled")
    [patient] = run.publish(channel=line.channel, seconds=3600)
    run.await_status(patient, "waiting")
    told = "SELECT (result ->> 'due_at')::timestamptz - now() AS wait FROM dispatch.job WHERE message_id = $1"
    [[job]] = observed.query(run.world, (told, patient.id))
    run.see(job["wait"] <= datetime.timedelta(minutes=15), "at most 15 minutes", job["wait"])
    operating.cancel(run.world, patient)


@fault("one-tenant-refused", row="28", seconds=60)
def one_refused(run: Run) -> None:
    """Its channel is blocked, agents are told at once and what services asked for waits; nobody else notices."""
    world = run.world
    healthy = world.lines.take()
    undisturbed = latency(run, run.publish(20, channel=healthy.channel))
    wrong = {**healthy.channel.credentials, "auth_token": "SANDBOX_META_VERIFY_TOKEN"}
    refused = world.lines.take(shown=True)
    world.lines.connect()
    panel, message = run.panel(refused.channel)  # later it cannot be chosen any more
    world.lines.change(refused, credentials=wrong)
    world.lines.connect()
    bulk = run.publish(20, channel=refused.channel)
    run.await_status(bulk[-1], "waiting")
    # The machine's own hiccups are not in all of three; a delay by the neighbour is.
    disturbed = min(latency(run, run.publish(20, channel=healthy.channel)) for _ in range(3))
    run.see(disturbed < max(1.2 * undisturbed, undisturbed + 0.3), f"about {undisturbed:.2f} s", f"{disturbed:.2f} s")
    message.ends = frozenset({"failed"})
    see(panel.press("Send message"), FAILED)
    world.lines.change(refused)
    world.lines.connect()


def latency(run: Run, messages: list[Message]) -> float:
    """Seconds from the first publish to the provider: the 95th percentile."""
    run.wait(lambda: {row["status"] for row in run.rows(messages)} == {"delivered"}, "all delivered", 30)
    at = {row["to"]: datetime.datetime.fromisoformat(row["at"]).timestamp() for row in observed.ledger(run.world)}
    asked = {message.number: message.published_at for message in messages}
    offset = time.time() - time.monotonic()
    return statistics.quantiles([at[number] - offset - began for number, began in asked.items()], n=20)[-1]


@fault("provider-away-for-long", row="29", seconds=90)
def away(run: Run) -> None:
    """The breaker opens, what cannot wait ends visibly, and the return is a ramp and no storm."""
    line = run.world.lines.take()
    run.publish(3, channel=line.channel)
    run.settle()
    line.wire.refuse()
    patient = run.publish(150, channel=line.channel, seconds=300)
    run.may_end("failed", "expired")
    run.publish(10, channel=line.channel, seconds=6)
    time.sleep(12)
    line.wire.flow()
    run.await_submission(patient[0], seconds=60)
    run.settle()
    first = min(row["at"] for row in observed.ledger(run.world)[3:])
    began = datetime.datetime.fromisoformat(first)
    early = [
        row
        for row in observed.ledger(run.world)[3:]
        if datetime.datetime.fromisoformat(row["at"]) - began < datetime.timedelta(seconds=1)
    ]
    run.see(len(early) <= 10, "at most 10 submissions in the first second", len(early))


@fault("provider-answers-nonsense", row="30", seconds=60)
def nonsense(run: Run) -> None:
    """What cannot be read is unclear, however long it is; the look-up finds out, and memory stays flat."""
    world = run.world
    run.receipts("none")
    run.may_end("sent")
    before = world.memory(SMS)
    for answer in (malformed, ten_megabytes, endless):
        line = world.lines.take()
        line.wire.tampering = once(answer, line.wire)
        [message] = run.publish(channel=line.channel)
        run.await_submission(message)
        run.await_status(message, "sent")
    grown = world.memory(SMS) - before
    run.see(grown < 30 * MEGABYTE, "memory grows by less than 30 MB", f"{grown / MEGABYTE:.0f} MB")


def once(answer: Tampering, wire: Proxy) -> Tampering:
    """This answer for the first request, and then the provider's own."""

    def tamper() -> Iterable[bytes]:
        wire.tampering = None
        return answer()

    return tamper


HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def malformed() -> Iterator[bytes]:
    """Half of a JSON object."""
    yield b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"sid": '


def ten_megabytes() -> Iterator[bytes]:
    """A JSON object that would be right if it were not so long."""
    yield HEAD
    for _ in range(160):
        yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    yield b"0\r\n\r\n"


def endless() -> Iterator[bytes]:
    """A blank, and another one, for a minute."""
    yield HEAD
    until = time.monotonic() + 60
    while time.monotonic() < until:
        yield b"1\r\n \r\n"


@contextmanager
def expired_server(run: Run) -> Iterator[str]:
    """The address of a server whose certificate ended yesterday."""
    folder = run.world.state.folder
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*expired_certificate(folder))
    [port] = run.world.state.ports(["expired"]).values()
    with run.world.network.tls_server(port, context):
        yield f"https://127.0.0.1:{port}"


def expired_certificate(folder: Path) -> tuple[Path, Path]:
    """Files with a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday - datetime.timedelta(days=30))
        .not_valid_after(yesterday)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "expired.pem", folder / "expired.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@fault("unknown-sent-again-then-refused", row="+5", seconds=60)
def refused_later(run: Run) -> None:
    """A refusal of the second attempt says nothing of the first: it stays unknown."""
    run.may_end("unknown")
    run.expect_unknowns(1)
    run.provider("close_before_accepting", VIBER, remaining=1, receipts="none")
    run.world.start(VIBER.worker)
    [message] = run.publish(channel=VIBER, seconds=30)
    run.await_submission(message)
    run.provider("invalid_number", VIBER, receipts="none")
    run.await_submission(message, 2, seconds=20)


def refusal(code: int) -> Tampering:
    """Twilio's refusal, whatever it really did."""
    body = json.dumps({"code": code, "message": "The number is not valid.", "status": 400}).encode()
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda: [head.encode() + body]
