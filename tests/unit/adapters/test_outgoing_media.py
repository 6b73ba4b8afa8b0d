"""Media from URLs over real sockets: what is fetched, and what is not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from gateway.adapters.outgoing.media import UrlFetcher
from gateway.adapters.outgoing.targets import Targets
from gateway.errors import UrlFailed, UrlForbidden
from gateway.limits import MAX_URL_REDIRECTS
from unit.adapters.receiver import Answer, receiving, saying, silent
from unit.fakes import FakeResolver

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
#: Long enough for everything that ends by itself; and for what must be cut off, hardly any.
AMPLE, SHORT = 20.0, 0.2
MOST = 10_000
HERE = Targets(allowed=["127.0.0.0/8"])


@asynccontextmanager
async def fetcher(
    targets: Targets = HERE, resolver: FakeResolver | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[UrlFetcher]:
    made = UrlFetcher(targets, resolver=resolver, tls=tls)
    try:
        yield made
    finally:
        await made.close()


async def fetched(answer: Answer, *, most: int = MOST, seconds: float = AMPLE) -> bytes:
    async with receiving(answer) as host, fetcher() as urls:
        return await urls.fetch(host.url, most, seconds)


async def failed(answer: Answer, *, most: int = MOST, seconds: float = AMPLE) -> str:
    with pytest.raises(UrlFailed) as failure:
        await fetched(answer, most=most, seconds=seconds)
    return failure.value.message


def moving(to: str, status: str = "302 Found") -> Answer:
    return saying(status, b"", f"Location: {to}")


async def test_a_media_is_fetched_as_it_is_and_nothing_of_ours_is_told() -> None:
    answer = saying("200 OK", PNG, "Content-Type: text/html", "Set-Cookie: a=b")
    async with receiving(answer) as host, fetcher() as urls:
        assert await urls.fetch(host.url + "?a=b%20c", MOST, AMPLE) == PNG
        await urls.fetch(host.url, MOST, AMPLE)
    first, second = (headers for headers, _ in host.got)
    assert first[":request"] == "GET /told?a=b%20c HTTP/1.1"
    assert first["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & (first.keys() | second.keys())
    assert host.connections == 2


@pytest.mark.parametrize("size", [len(PNG), len(PNG) + 1])
async def test_as_many_bytes_as_there_may_be_are_taken(size: int) -> None:
    assert await fetched(saying("200 OK", PNG), most=size) == PNG


async def test_more_bytes_than_there_may_be_are_refused_before_they_are_read() -> None:
    assert "larger" in await failed(saying("200 OK", PNG), most=len(PNG) - 1)


async def test_more_bytes_than_there_may_be_are_refused_while_they_come() -> None:
    left = asyncio.Event()

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
                await writer.drain()
        except ConnectionError:
            left.set()
            raise

    async with receiving(endless) as host, fetcher() as urls:
        with pytest.raises(UrlFailed, match="larger"):
            await urls.fetch(host.url, MOST, AMPLE)
        await asyncio.wait_for(left.wait(), AMPLE)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
async def test_what_comes_encoded_is_refused_and_not_unpacked(encoding: str) -> None:
    assert "encoded" in await failed(saying("200 OK", PNG, f"Content-Encoding: {encoding}"))


@pytest.mark.parametrize("body", [b"", b"<html>not a picture</html>", b"secret words"])
async def test_what_is_of_no_known_type_is_refused_whatever_it_says_it_is(body: bytes) -> None:
    said = await failed(saying("200 OK", body, "Content-Type: image/png"))
    assert "type" in said
    assert "secret" not in said


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "304 Not Modified", "404 No", "500 No"])
async def test_of_any_other_status_only_its_class_is_told(status: str) -> None:
    said = await failed(saying(status, b"" if status[:3] in ("204", "304") else b"secret words"))
    assert f"{status[0]}xx" in said
    assert "secret" not in said


@pytest.mark.parametrize("answer", [silent], ids=["silent"])
async def test_who_is_silent_is_given_up_in_time(answer: Answer) -> None:
    assert "within 0.2 s" in await failed(answer, seconds=SHORT)


async def test_who_goes_on_for_ever_is_given_up_in_time() -> None:
    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n\x89PNG")
        await writer.drain()
        await asyncio.Event().wait()

    assert "within 0.2 s" in await failed(dripping, seconds=SHORT)


async def test_a_body_that_breaks_off_is_refused() -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PNG)
        await writer.drain()

    assert "broke" in await failed(broken)


async def test_what_is_no_http_is_refused() -> None:
    async def odd(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-secret\r\n")
        await writer.drain()

    said = await failed(odd)
    assert "broke" in said
    assert "secret" not in said


async def test_who_is_not_there_is_said_to_be_so() -> None:
    async with receiving(silent) as host:
        url = host.url
    async with fetcher() as urls:
        with pytest.raises(UrlFailed, match="takes no connection"):
            await urls.fetch(url, MOST, AMPLE)
    async with fetcher(resolver=FakeResolver(())) as urls:
        with pytest.raises(UrlFailed, match="looked up"):
            await urls.fetch("http://nowhere.example/", MOST, AMPLE)


async def test_a_redirect_is_followed_to_where_it_leads() -> None:
    async with receiving(saying("200 OK", PNG)) as there, receiving(moving(there.url)) as host, fetcher() as urls:
        assert await urls.fetch(host.url, MOST, AMPLE) == PNG


@pytest.mark.parametrize("status", ["301 A", "302 A", "303 A", "307 A", "308 A"])
async def test_a_redirect_may_be_relative(status: str) -> None:
    answers = [moving("other?a=b", status), saying("200 OK", PNG)]

    async def answer(writer: asyncio.StreamWriter) -> None:
        await answers.pop(0)(writer)

    async with receiving(answer) as host, fetcher() as urls:
        assert await urls.fetch(host.url, MOST, AMPLE) == PNG
    assert host.got[1][0][":request"] == "GET /other?a=b HTTP/1.1"


async def test_as_many_redirects_as_there_may_be_are_followed() -> None:
    answers = [*[moving("/told")] * MAX_URL_REDIRECTS, saying("200 OK", PNG)]

    async def answer(writer: asyncio.StreamWriter) -> None:
        await answers.pop(0)(writer)

    async with receiving(answer) as host, fetcher() as urls:
        assert await urls.fetch(host.url, MOST, AMPLE) == PNG


async def test_redirects_without_end_are_not_followed() -> None:
    async with receiving(moving("/told")) as host, fetcher() as urls:
        with pytest.raises(UrlFailed, match="redirects more than"):
            await urls.fetch(host.url, MOST, AMPLE)
    assert host.connections == MAX_URL_REDIRECTS + 1


@pytest.mark.parametrize(
    "to",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "ftp://host.example/",
        "gopher://host.example/",
        "http://user:word@127.0.0.1/",
        "//10.0.0.1/",
    ],
)
async def test_a_redirect_to_where_nothing_is_fetched_from_is_refused(to: str) -> None:
    async with receiving(moving(to)) as host, fetcher() as urls:
        with pytest.raises(UrlForbidden) as refused:
            await urls.fetch(host.url, MOST, AMPLE)
    assert "10.0" not in refused.value.message
    assert host.connections == 1


async def test_a_redirect_to_nowhere_is_a_status_like_any_other() -> None:
    assert "3xx" in await failed(saying("302 Found"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/"])
async def test_without_leave_nothing_of_this_machine_is_connected_to(url: str) -> None:
    async with receiving(saying("200 OK", PNG)) as host, fetcher(Targets()) as urls:
        with pytest.raises(UrlForbidden):
            await urls.fetch(url.format(host.port), MOST, AMPLE)
    assert host.connections == 0


@pytest.mark.parametrize(
    "url", ["", "a.png", "file:///etc/passwd", "ftp://host.example/a", "http://user:word@host.example/", "http://a b/"]
)
async def test_what_is_no_url_of_a_media_is_refused(url: str) -> None:
    resolver = FakeResolver(("127.0.0.1",))
    async with fetcher(resolver=resolver) as urls:
        with pytest.raises(UrlForbidden) as refused:
            await urls.fetch(url, MOST, AMPLE)
    assert "word" not in refused.value.message
    assert resolver.asked == []


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    changing = FakeResolver(("127.0.0.1",), ("10.0.0.1",))
    async with receiving(saying("200 OK", PNG)) as host, fetcher(resolver=changing) as urls:
        url = f"http://host.example:{host.port}/"
        assert await urls.fetch(url, MOST, AMPLE) == PNG
        assert changing.asked == ["host.example"]
        with pytest.raises(UrlForbidden):
            await urls.fetch(url, MOST, AMPLE)
    assert host.connections == 1


async def test_a_name_that_changes_its_mind_between_two_redirects_is_refused() -> None:
    changing = FakeResolver(("127.0.0.1",), ("169.254.169.254",))
    async with receiving(moving("/told")) as host, fetcher(resolver=changing) as urls:
        with pytest.raises(UrlForbidden):
            await urls.fetch(f"http://host.example:{host.port}/", MOST, AMPLE)
    assert (host.connections, len(changing.asked)) == (1, 2)


async def test_one_forbidden_address_spoils_a_name_of_many() -> None:
    mixed = FakeResolver(("127.0.0.1", "10.0.0.1"))
    async with receiving(saying("200 OK", PNG)) as host, fetcher(resolver=mixed) as urls:
        with pytest.raises(UrlForbidden):
            await urls.fetch(f"http://host.example:{host.port}/", MOST, AMPLE)
    assert host.connections == 0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who vouches for host.example."""
    return trustme.CA()


@pytest.fixture
def served(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("host.example").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_over_tls_the_name_counts_and_not_the_address(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    here = FakeResolver(("127.0.0.1",))
    async with receiving(saying("200 OK", PNG), served) as host, fetcher(resolver=here, tls=trusting) as urls:
        assert await urls.fetch(f"https://host.example:{host.port}/", MOST, AMPLE) == PNG
        with pytest.raises(UrlFailed, match="certificate"):
            await urls.fetch(f"https://other.example:{host.port}/", MOST, AMPLE)


async def test_a_certificate_that_nobody_vouches_for_is_refused(served: ssl.SSLContext) -> None:
    here = FakeResolver(("127.0.0.1",))
    async with receiving(saying("200 OK", PNG), served) as host, fetcher(resolver=here) as urls:
        with pytest.raises(UrlFailed, match="certificate"):
            await urls.fetch(f"https://host.example:{host.port}/", MOST, AMPLE)


async def test_a_redirect_from_https_to_http_is_not_followed(served: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    here = FakeResolver(("127.0.0.1",))
    async with (
        receiving(saying("200 OK", PNG)) as plain,
        receiving(moving(plain.url), served) as host,
        fetcher(resolver=here, tls=trusting) as urls,
    ):
        with pytest.raises(UrlForbidden, match="https to http"):
            await urls.fetch(f"https://host.example:{host.port}/", MOST, AMPLE)
        assert plain.connections == 0


async def test_a_proxy_of_the_environment_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(saying("200 OK", b"")) as proxy, receiving(saying("200 OK", PNG)) as host:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with fetcher() as urls:
            assert await urls.fetch(host.url, MOST, AMPLE) == PNG
    assert proxy.connections == 0
