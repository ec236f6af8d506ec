"""The HTTP rules, as a table, against real sockets."""

from __future__ import annotations

import asyncio
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.courier.address_guard import AddressGuard
from services.courier.http import RESPONSE_KEPT_BYTES, Sender
from services.courier.outcome import Outcome, OutcomeKind, Reason, judge
from tests.conftest import START, MovableClock
from tests.courier.receivers import Answer, Receiver, drip, flood, hang, http, receiver, reset

LOCAL = AddressGuard(allow_loopback=True)
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}


@asynccontextmanager
async def sending(**limits: float) -> AsyncIterator[Sender]:
    sender = Sender(LOCAL, clock=MovableClock(), **limits)  # type: ignore[arg-type]
    try:
        yield sender
    finally:
        await sender.close()


async def post(to: Receiver, **limits: float) -> Outcome:
    async with sending(**limits) as sender:
        return await sender.send(LOCAL.target(to.url), HEADERS, b'{"a":1}')


DELIVERED, FAILED, GONE = OutcomeKind.DELIVERED, OutcomeKind.FAILED, OutcomeKind.GONE
IN_AN_HOUR = format_datetime(START + timedelta(hours=1), usegmt=True)

RULES: list[tuple[str, bytes, OutcomeKind, Reason, float | None]] = [
    ("200", http("200 OK", b"thanks"), DELIVERED, Reason.ANSWERED, None),
    ("201", http("201 Created"), DELIVERED, Reason.ANSWERED, None),
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n", DELIVERED, Reason.ANSWERED, None),
    ("299", http("299 Fine"), DELIVERED, Reason.ANSWERED, None),
    ("301", http("301 Moved", b"", "Location: /there"), FAILED, Reason.REDIRECT, None),
    ("302", http("302 Found", b"", "Location: http://10.0.0.1/"), FAILED, Reason.REDIRECT, None),
    ("304", b"HTTP/1.1 304 Not Modified\r\n\r\n", FAILED, Reason.REDIRECT, None),
    ("307", http("307 Temporary", b"", "Location: /there"), FAILED, Reason.REDIRECT, None),
    ("400", http("400 Bad Request", b"no"), FAILED, Reason.CLIENT_ERROR, None),
    ("401", http("401 Unauthorized"), FAILED, Reason.CLIENT_ERROR, None),
    ("404", http("404 Not Found"), FAILED, Reason.CLIENT_ERROR, None),
    ("410", http("410 Gone", b"never again"), GONE, Reason.GONE, None),
    ("429", http("429 Slow Down"), FAILED, Reason.THROTTLED, None),
    ("429 s", http("429 Slow Down", b"", "Retry-After: 90"), FAILED, Reason.THROTTLED, 90),
    ("503 s", http("503 Busy", b"", "Retry-After: 7"), FAILED, Reason.THROTTLED, 7),
    ("503 date", http("503 Busy", b"", f"Retry-After: {IN_AN_HOUR}"), FAILED, Reason.THROTTLED, 3600),
    ("503 junk", http("503 Busy", b"", "Retry-After: later"), FAILED, Reason.THROTTLED, None),
    ("500", http("500 Oops", b"", "Retry-After: 90"), FAILED, Reason.SERVER_ERROR, None),
    ("502", http("502 Bad Gateway"), FAILED, Reason.SERVER_ERROR, None),
    ("504", http("504 Gateway Timeout"), FAILED, Reason.SERVER_ERROR, None),
    ("999", http("999 What"), FAILED, Reason.UNEXPECTED_STATUS, None),
    ("not http", b"220 mail.example ESMTP\r\n\r\n", FAILED, Reason.PROTOCOL, None),
    ("huge header", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, FAILED, Reason.PROTOCOL, None),
    ("cut off in the head", b"HTTP/1.1 200", FAILED, Reason.TIMEOUT, None),
]


@pytest.mark.parametrize(("name", "raw", "kind", "reason", "wait"), RULES, ids=[rule[0] for rule in RULES])
async def test_the_table(
    name: str, raw: bytes, kind: OutcomeKind, reason: Reason, wait: float | None
) -> None:
    async with receiver(raw) as to:
        outcome = await post(to, total_timeout_s=0.5)
    assert (outcome.kind, outcome.reason, outcome.retry_after_s) == (kind, reason, wait)
    assert len(to.requests) == 1, "nothing is sent twice, no redirect is followed"
    if name[:3].isdigit():
        assert outcome.status == int(name[:3])


def test_every_status_has_a_judgement() -> None:
    for status in range(100, 1000):
        kind, _ = judge(status)
        assert (kind is DELIVERED) == (200 <= status < 300)
        assert (kind is GONE) == (status == 410)


TROUBLES: list[tuple[str, Answer, Reason]] = [
    ("hangs", hang, Reason.TIMEOUT),
    ("resets", reset, Reason.RESET),
    ("drips its head", drip(http("200 OK", b"x"), 0.05), Reason.TIMEOUT),
]


@pytest.mark.parametrize(("name", "answer", "reason"), TROUBLES, ids=[trouble[0] for trouble in TROUBLES])
async def test_troubles_are_outcomes(name: str, answer: Answer, reason: Reason) -> None:
    started = time.monotonic()
    async with receiver(answer) as to:
        outcome = await post(to, total_timeout_s=0.3)
    assert (outcome.kind, outcome.reason, outcome.status) == (FAILED, reason, None), name
    assert outcome.detail
    assert time.monotonic() - started < 3


async def test_what_is_sent() -> None:
    async with receiver(http("200 OK")) as to:
        await post(to)
    headers, body = to.requests[0]
    assert body == b'{"a":1}'
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["webhook-id"] == "msg_1"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("Liaison-Courier/")


async def test_one_connection_serves_many_messages() -> None:
    async with receiver(http("200 OK", b"thanks")) as to, sending() as sender:
        for _ in range(20):
            outcome = await sender.send(LOCAL.target(to.url), HEADERS, b"{}")
            assert outcome.excerpt == "thanks"
    assert (to.connections, len(to.requests)) == (1, 20)


async def test_a_gigabyte_is_not_read() -> None:
    async with receiver(flood(1 << 30)) as to:
        tracemalloc.start()
        try:
            outcome = await post(to)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert outcome.kind is DELIVERED
    assert outcome.excerpt == "x" * RESPONSE_KEPT_BYTES
    assert peak < 8 << 20, "sender and receiver together stay within a few blocks of the flood"


async def test_a_body_that_drips_does_not_change_the_status_nor_hold_the_sender() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(endless)
        await drip(b"y" * 1000, 0.05)(reader, writer)

    started = time.monotonic()
    async with receiver(answer) as to:
        outcome = await post(to, body_timeout_s=0.2)
    assert outcome.kind is DELIVERED
    assert 1 <= len(outcome.excerpt) < 1000
    assert time.monotonic() - started < 3


async def test_a_body_cut_off_does_not_change_the_status() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        await reset(reader, writer)

    async with receiver(answer) as to:
        outcome = await post(to)
    assert (outcome.status, outcome.reason) == (500, Reason.SERVER_ERROR)


async def test_a_strangers_bytes_become_harmless_text() -> None:
    async with receiver(http("200 OK", b"a\x00b\x1b[31m\xff\n")) as to:
        outcome = await post(to)
    assert outcome.excerpt == "a\ufffdb\ufffd[31m\ufffd\n"


async def test_a_compressed_answer_is_not_unpacked() -> None:
    async with receiver(http("200 OK", b"\x1f\x8bnot really", "Content-Encoding: gzip")) as to:
        outcome = await post(to)
    assert outcome.kind is DELIVERED


async def test_nobody_listens() -> None:
    async with receiver(http("200 OK")) as to:
        pass
    outcome = await post(to)
    assert (outcome.kind, outcome.reason) == (FAILED, Reason.CONNECT)


async def test_a_certificate_that_nobody_vouches_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    await _expect_tls_failure(_self_signed(tmp_path_factory))


async def test_plain_text_where_tls_was_expected() -> None:
    await _expect_tls_failure(None)


async def _expect_tls_failure(tls: ssl.SSLContext | None) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http("400 Bad Request"))
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        async with sending() as sender:
            outcome = await sender.send(LOCAL.target(f"https://127.0.0.1:{port}/"), HEADERS, b"{}")
    finally:
        server.close()
        await server.wait_closed()
    assert (outcome.kind, outcome.reason) == (FAILED, Reason.TLS)


def _self_signed(paths: pytest.TempPathFactory) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START - timedelta(days=1))
        .not_valid_after(START + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    folder = paths.mktemp("tls")
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_a_bug_is_not_taken_for_a_failure_of_the_receiver() -> None:
    async with sending() as sender:
        with pytest.raises(TypeError):
            await sender.send(LOCAL.target("http://127.0.0.1:8009/"), HEADERS, 7)  # type: ignore[arg-type]


def test_aiohttp_still_has_the_gate_we_rely_on() -> None:
    assert "socket_factory" in aiohttp.TCPConnector.__init__.__annotations__
