"""Encrypted connections to broker and database: made where the certificate is the right one, refused otherwise."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.errors import BackendError
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_install import ensure_rabbitmq
from proactive_contracts.topology import topology
from runtime.amqp.connection import AMQP_ERRORS, connect
from runtime.amqp.consumer import Consumer, Delivery
from runtime.amqp.publisher import Publisher
from runtime.amqp.topology import apply
from tests.integration.runtime_support import eventually, make_properties
from tests.support.backends import missing_backend, temporary_state

SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""How a client of PostgreSQL asks for TLS: https://www.postgresql.org/docs/16/protocol-message-formats.html."""


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `file` is what its clients trust."""

    file: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @classmethod
    def made(cls, folder: Path, name: str) -> "Authority":
        key, subject = ec.generate_private_key(ec.SECP256R1()), _named(name)
        signed = _certificate(subject, subject, key.public_key(), ca=True).sign(key, hashes.SHA256())
        file = folder / f"{name}.pem"
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return cls(file, key, subject)

    def server(self, host: str) -> tuple[Path, Path]:
        """Certificate and key of a server at `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _certificate(_named(host), self.name, key.public_key(), ca=False)
        place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        signed = builder.add_extension(place, critical=False).sign(self.key, hashes.SHA256())
        certificate, secret = (self.file.with_name(f"{host}.{end}") for end in ("pem", "key"))
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return certificate, secret


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the servers' account can read."""
    with temporary_state("tls") as state:
        yield state.folder


@pytest.fixture(scope="module")
def ours(folder: Path) -> Authority:
    return Authority.made(folder, "ours")


@pytest.fixture(scope="module")
def strangers(folder: Path) -> Authority:
    return Authority.made(folder, "strangers")


# The broker


@pytest.fixture(scope="module")
def encrypted(ours: Authority) -> Iterator[str]:
    """The address of a broker that listens for TLS, without the authority."""
    certificate, key = ours.server("127.0.0.1")
    with temporary_state("encrypted") as state:
        port = state.ports(["amqps"])["amqps"]
        settings = {
            "listeners.ssl.1": f"127.0.0.1:{port}",
            "ssl_options.cacertfile": str(ours.file),
            "ssl_options.certfile": str(certificate),
            "ssl_options.keyfile": str(key),
        }
        try:
            broker = RabbitMQ(state, scripts=ensure_rabbitmq(print), settings=settings)
        except BackendError as error:
            missing_backend(error)
        broker.start()
        parts = urlsplit(broker.amqp_url)
        try:
            yield parts._replace(scheme="amqps", netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
        finally:
            broker.stop()


async def test_events_travel_encrypted(encrypted: str, ours: Authority) -> None:
    url, bodies = f"{encrypted}?cafile={ours.file}", []

    async def handle(delivery: Delivery) -> None:
        bodies.append(delivery.body)

    await apply(url, topology())
    body = b"x" * 300_000  # more than one frame
    async with Publisher(url, "test") as publisher:
        await publisher.publish("proactive.requests", "send.sms.bulk", body, make_properties(), timeout=10)
        async with Consumer(url, ["dispatcher.sms.bulk"], handle, publisher, concurrency=5, name="test", trouble=()):
            await eventually(lambda: bodies == [body])


async def test_a_broker_that_cannot_prove_itself_is_refused(encrypted: str, strangers: Authority) -> None:
    for url in (f"{encrypted}?cafile={strangers.file}", encrypted):
        with pytest.raises(AMQP_ERRORS, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
            await connect(url, "test")


# The database


@pytest.fixture
async def behind_tls(database_url: str, ours: Authority) -> AsyncIterator[str]:
    """The database behind a server that speaks PostgreSQL's TLS: not every build of PostgreSQL has it."""
    certificate, key = ours.server("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    plain = urlsplit(database_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != SSL_REQUEST:
            return writer.close()
        writer.write(b"S")
        with suppress(OSError):
            await writer.start_tls(context)
            inside_reader, inside_writer = await asyncio.open_connection(plain.hostname, plain.port)
            await asyncio.gather(_copy(reader, inside_writer), _copy(inside_reader, writer))
        return writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield plain._replace(netloc=f"{plain.username}:{plain.password}@127.0.0.1:{port}").geturl()
    server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(65_536):
            writer.write(some)
    writer.close()


async def test_the_database_is_asked_encrypted(behind_tls: str, ours: Authority) -> None:
    connection = await asyncpg.connect(f"{behind_tls}?sslmode=verify-full&sslrootcert={ours.file}")
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_a_database_that_cannot_prove_itself_is_refused(behind_tls: str, strangers: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncpg.connect(f"{behind_tls}?sslmode=verify-full&sslrootcert={strangers.file}")


async def test_a_database_without_encryption_is_refused(database_url: str, ours: Authority) -> None:
    with pytest.raises(ConnectionError):
        await asyncpg.connect(f"{database_url}?sslmode=verify-full&sslrootcert={ours.file}")
