import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from gateway.adapters.outgoing.targets import Targets
from gateway.adapters.webhooks.courier import WebhookCourier
from gateway.domain.deliveries import Failure, Letter, Receipt
from gateway.domain.ids import now
from gateway.domain.signing import new_secret
from gateway.errors import TargetForbidden
from gateway.limits import DELIVERIES_PER_RECEIVER, MAX_ANSWER_BYTES, MAX_EXCERPT_CHARACTERS, MIB
from unit.adapters.receiver import Answer, receiving, saying, silent
from unit.fakes import RUN_ID, FakeResolver

#: Long enough for everything that ends by itself; and for what must be cut off, hardly any.
AMPLE, SHORT = 20.0, 0.2
ODD_DATES = (
    "Sat, 21 Nov 99999999999999999999 07:16:00 GMT",
    "Sat, 21 Nov 0000 07:16:00 GMT",
    "Sat, 99 Nov 2026 07:16:00 GMT",
    "Sat, 21 Nov 2026 07:16:00 +9999999999",
    "Sat, 21 Nov 2006 07:16:00 GMT",
    ",",
)
EVERYWHERE = Targets(allow_private=True)


@asynccontextmanager
async def courier(
    targets: Targets = EVERYWHERE,
    resolver: FakeResolver | None = None,
    timeout: float = AMPLE,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[WebhookCourier]:
    made = WebhookCourier(targets, resolver=resolver, timeout=timeout, tls=tls)
    try:
        yield made
    finally:
        await made.close()


def letter(url: str, **fields: object) -> Letter:
    given = {"webhook_id": RUN_ID, "at": now(), "body": b'{"a":"\xc3\xa9"}', "content_type": "application/json"}
    return Letter(url=url, **{**given, **fields})


async def answered(answer: Answer, *, timeout: float = AMPLE) -> Receipt:
    async with receiving(answer) as receiver, courier(timeout=timeout) as sender:
        return await sender.send(letter(receiver.url))


async def test_a_letter_is_taken_with_its_headers_and_its_body_as_it_is() -> None:
    async with receiving(saying("204 No Content")) as receiver, courier() as sender:
        sent = letter(receiver.url, headers={"X-API-Key": "mine", "user-agent": "theirs"})
        receipt = await sender.send(sent)
    assert (receipt.failure, receipt.status, receipt.excerpt) == (None, 204, "")
    headers, body = receiver.got[0]
    assert headers[":request"] == "POST /told HTTP/1.1"
    assert body == sent.body
    assert (headers["x-api-key"], headers["user-agent"]) == ("mine", "theirs")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == RUN_ID
    assert headers["webhook-timestamp"] == str(int(sent.at.timestamp()))
    assert not {"webhook-signature", "cookie", "transfer-encoding"} & headers.keys()


async def test_every_secret_signs_and_each_signature_verifies() -> None:
    old, new = new_secret(), new_secret()
    async with receiving(saying("200 OK")) as receiver, courier() as sender:
        await sender.send(letter(receiver.url, secrets=(old, new)))
    headers, body = receiver.got[0]
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == {"a": "é"}


async def test_the_time_that_is_signed_is_utc_whatever_zone_it_was_given_in() -> None:
    secret = new_secret()
    at = datetime.now(UTC).astimezone(tz=timezone(timedelta(hours=5)))
    async with receiving(saying("200 OK")) as receiver, courier() as sender:
        await sender.send(letter(receiver.url, secrets=(secret,), at=at))
    headers, body = receiver.got[0]
    Webhook(secret).verify(body, headers)


async def test_a_large_letter_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with receiving(saying("200 OK")) as receiver, courier() as sender:
        receipt = await sender.send(letter(receiver.url, body=body))
    assert receipt.failure is None
    assert receiver.got[0][1] == body


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
async def test_what_is_not_2xx_is_a_failure(status: int) -> None:
    receipt = await answered(saying(f"{status} No", b"not now"))
    assert (receipt.failure, receipt.status, receipt.excerpt) == (Failure.STATUS, status, "not now")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_not_followed(status: int) -> None:
    async with receiving(saying("200 OK")) as other:
        receipt = await answered(saying(f"{status} There", b"", f"Location: {other.url}"))
        assert (receipt.failure, receipt.status) == (Failure.REDIRECT, status)
        assert other.connections == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("", None),
        *[(each, None) for each in ODD_DATES],
    ],
)
async def test_retry_after_is_told_in_seconds(header: str, seconds: float | None) -> None:
    receipt = await answered(saying("503 Busy", b"", f"Retry-After: {header}"))
    assert receipt.retry_after == seconds


async def test_retry_after_may_be_a_date() -> None:
    busy = saying("503 Busy", b"", "Retry-After: Sat, 21 Nov 2026 07:16:00 GMT")
    async with receiving(busy) as receiver, courier() as sender:
        receipt = await sender.send(letter(receiver.url, at=datetime(2026, 11, 21, 7, 15, 0, tzinfo=UTC)))
    assert receipt.retry_after == 60.0


async def test_a_receiver_that_says_nothing_is_left_after_its_time() -> None:
    receipt = await answered(silent, timeout=SHORT)
    assert (receipt.failure, receipt.status) == (Failure.TIMEOUT, None)
    assert receipt.seconds > 0


async def test_a_receiver_that_drips_its_head_is_left_after_its_time() -> None:
    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: 1\r\n"[:1])
            await writer.drain()
            await asyncio.sleep(0.01)

    assert (await answered(dripping, timeout=SHORT)).failure is Failure.TIMEOUT


async def test_a_body_that_drips_takes_no_more_than_the_time_and_the_status_stands() -> None:
    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    receipt = await answered(dripping, timeout=SHORT)
    assert (receipt.failure, receipt.status) == (None, 200)
    assert set(receipt.excerpt) == {"x"}


async def test_of_a_body_without_end_only_the_beginning_is_read() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(b"e" * 65536)
            sent += 65536
            await writer.drain()

    async with receiving(endless) as receiver, courier() as sender:
        receipt = await sender.send(letter(receiver.url))
        await receiver.left.wait()
    assert (receipt.failure, receipt.status) == (Failure.STATUS, 500)
    assert receipt.excerpt == "e" * MAX_EXCERPT_CHARACTERS
    assert MAX_ANSWER_BYTES < sent < 64 * MIB


async def test_a_compressed_answer_is_not_unpacked() -> None:
    receipt = await answered(saying("200 OK", b"\x1f\x8b\x08rest", "Content-Encoding: gzip"))
    assert receipt.failure is None


@pytest.mark.parametrize("headers", [["X-Long: " + "x" * 100_000], ["X-Many: x"] * 1000])
async def test_a_head_without_measure_is_a_broken_answer(headers: list[str]) -> None:
    receipt = await answered(saying("200 OK", b"", *headers))
    assert (receipt.failure, receipt.status) == (Failure.BROKEN, None)


async def test_what_is_no_http_is_a_broken_answer() -> None:
    async def garbage(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()

    assert (await answered(garbage)).failure is Failure.BROKEN


async def test_a_receiver_that_hangs_up_is_a_broken_answer() -> None:
    async def hanging_up(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200")
        await writer.drain()

    assert (await answered(hanging_up)).failure is Failure.BROKEN


async def test_an_excerpt_is_one_printable_line() -> None:
    receipt = await answered(saying("500 No", b"a\r\n\tb\x1b[31m\x00\xff"))
    assert receipt.excerpt == "a b�[31m��"


async def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        async with courier() as sender:
            receipt = await sender.send(letter(f"http://127.0.0.1:{probe.getsockname()[1]}/"))
    assert (receipt.failure, receipt.status) == (Failure.REFUSED, None)


async def test_a_name_that_cannot_be_looked_up_fails_as_such_and_is_admitted() -> None:
    async with courier(resolver=FakeResolver(())) as sender:
        await sender.admit("http://receiver.example/")
        assert (await sender.send(letter("http://receiver.example/"))).failure is Failure.DNS


async def test_a_name_that_turns_to_a_private_address_after_it_was_admitted_is_not_connected_to() -> None:
    rebinding = FakeResolver(("93.184.216.34",), ("127.0.0.1",))
    async with receiving(saying("200 OK")) as receiver, courier(Targets(), rebinding) as sender:
        url = f"http://receiver.example:{receiver.port}/"
        await sender.admit(url)
        receipt = await sender.send(letter(url))
        assert (receipt.failure, receipt.status) == (Failure.FORBIDDEN, None)
        assert receiver.connections == 0
    assert rebinding.asked == ["receiver.example", "receiver.example"]


async def test_a_name_is_looked_up_and_checked_for_every_letter() -> None:
    rebinding = FakeResolver(("127.0.0.1",), ("10.0.0.1",))
    async with receiving(saying("200 OK")) as receiver, courier(Targets(allowed=["127.0.0.0/8"]), rebinding) as sender:
        url = f"http://receiver.example:{receiver.port}/"
        assert (await sender.send(letter(url))).failure is None
        assert (await sender.send(letter(url))).failure is Failure.FORBIDDEN
        assert receiver.connections == 1


@pytest.mark.parametrize(
    "answer", [("127.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("::ffff:10.0.0.1",), ("fe80::1%1",)]
)
async def test_one_forbidden_address_spoils_a_name(answer: tuple[str, ...]) -> None:
    async with courier(Targets(), FakeResolver(answer)) as sender:
        with pytest.raises(TargetForbidden):
            await sender.admit("https://receiver.example/")
        assert (await sender.send(letter("https://receiver.example/"))).failure is Failure.FORBIDDEN


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f000001", "localhost"]
)
async def test_no_writing_of_this_machine_is_connected_to(host: str) -> None:
    async with receiving(saying("200 OK")) as receiver, courier(Targets()) as sender:
        url = f"http://{host}:{receiver.port}/"
        with pytest.raises(TargetForbidden):
            await sender.admit(url)
        assert (await sender.send(letter(url))).failure is Failure.FORBIDDEN
        assert receiver.connections == 0


async def test_a_real_name_of_this_machine_is_looked_up_where_it_is_allowed() -> None:
    async with receiving(saying("200 OK")) as receiver, courier(Targets(allowed=["localhost"])) as sender:
        url = f"http://localhost:{receiver.port}/"
        await sender.admit(url)
        assert (await sender.send(letter(url))).failure is None


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(saying("200 OK")) as proxy, receiving(saying("204 No Content")) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with courier() as sender:
            assert (await sender.send(letter(receiver.url))).status == 204
        assert proxy.connections == 0


async def test_cookies_are_not_kept_and_no_connection_is_used_twice() -> None:
    async with receiving(saying("200 OK", b"", "Set-Cookie: a=b")) as receiver, courier() as sender:
        await sender.send(letter(receiver.url))
        await sender.send(letter(receiver.url))
    assert receiver.connections == 2
    assert "cookie" not in receiver.got[1][0]


async def test_a_slow_receiver_delays_no_other() -> None:
    async with receiving(silent) as slow, receiving(saying("200 OK")) as quick, courier() as sender:
        waiting = [asyncio.create_task(sender.send(letter(slow.url))) for _ in range(40)]
        assert (await sender.send(letter(quick.url))).failure is None
        assert not any(task.done() for task in waiting)
        assert slow.connections <= DELIVERIES_PER_RECEIVER
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize("header", [{"X-A": "b\r\nX-Evil: 1"}, {"X-A\r\nX-Evil": "b"}, {"X-A": "b\nX-Evil: 1"}])
async def test_a_header_that_would_begin_another_is_never_sent(header: dict[str, str]) -> None:
    async with receiving(saying("200 OK")) as receiver, courier() as sender:
        receipt = await sender.send(letter(receiver.url, headers=header))
    assert receipt.failure is Failure.BROKEN
    assert receiver.got == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for receiver.example, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "receiver.pem"
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    return file


@pytest.fixture
def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_over_tls_the_name_counts_and_not_the_address(certificate: Path, served: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    here = FakeResolver(("127.0.0.1",))
    async with receiving(saying("200 OK"), served) as receiver, courier(resolver=here, tls=trusting) as sender:
        good = await sender.send(letter(f"https://receiver.example:{receiver.port}/"))
        other = await sender.send(letter(f"https://other.example:{receiver.port}/"))
    assert (good.failure, good.status) == (None, 200)
    assert other.failure is Failure.TLS


async def test_a_certificate_that_nobody_vouches_for_is_refused(served: ssl.SSLContext) -> None:
    here = FakeResolver(("127.0.0.1",))
    async with receiving(saying("200 OK"), served) as receiver, courier(resolver=here) as sender:
        receipt = await sender.send(letter(f"https://receiver.example:{receiver.port}/"))
    assert receipt.failure is Failure.TLS
    assert receiver.got == []


async def test_closing_closes_what_names_are_looked_up_with() -> None:
    resolver = FakeResolver(("127.0.0.1",))
    async with courier(resolver=resolver):
        pass
    assert resolver.closed
