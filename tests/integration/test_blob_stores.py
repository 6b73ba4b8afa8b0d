import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from obstore.store import from_url

from gateway.adapters.blobs import bucket
from gateway.adapters.blobs.opening import open_store
from gateway.errors import CannotStart, MediaNotFound, StorageUnavailable
from gateway.ports import BlobStore
from s3_server import S3Server, s3_server


@dataclass
class Place:
    """A store, and how to take away what it stands on."""

    store: BlobStore
    take_away: Callable[[], Awaitable[None]]


@pytest.fixture(params=["folder", "bucket"])
async def store(request: pytest.FixtureRequest) -> BlobStore:
    return await open_store(request.getfixturevalue(request.param))


@pytest.fixture(params=["folder", "bucket"])
async def mortal(
    request: pytest.FixtureRequest, tmp_path: Path, s3_environment: Callable[[str], None]
) -> AsyncIterator[Place]:
    """A store that the test may take away."""
    if request.param == "folder":
        store = await open_store((tmp_path / "blobs").as_uri())
        yield Place(store, lambda: asyncio.to_thread(shutil.rmtree, tmp_path / "blobs"))
        return
    with s3_server() as server:
        server.start()
        s3_environment(server.url)
        yield Place(await open_store("s3://media/prefix"), lambda: asyncio.to_thread(server.stop))


@pytest.mark.parametrize(
    "data",
    [b"", b"x", bytes(range(256)), b"\r\n\0\xff" * 9000, os.urandom(5_000_000)],
    ids=["nothing", "one byte", "every byte", "36 KB", "5 MB"],
)
async def test_what_was_put_comes_back_byte_for_byte(store: BlobStore, data: bytes) -> None:
    await store.put("execution/media", data)
    found = await store.get("execution/media")
    assert type(found) is bytes
    assert found == data


async def coming(*pieces: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if error is not None:
        raise error


@pytest.mark.parametrize(
    "pieces",
    [(), (b"",), (b"x",), (b"ab", b"", b"c"), (os.urandom(3_000_000), b"tail"), (bytes(70_000),) * 40],
    ids=["nothing", "an empty piece", "one byte", "three", "3 MB", "40 pieces"],
)
async def test_what_comes_in_pieces_comes_back_byte_for_byte(store: BlobStore, pieces: tuple[bytes, ...]) -> None:
    await store.put_stream("execution/media", coming(*pieces))
    assert await store.get("execution/media") == b"".join(pieces)
    assert b"".join([piece async for piece in store.stream("execution/media")]) == b"".join(pieces)


async def test_pieces_that_end_with_an_error_leave_what_was_there(store: BlobStore) -> None:
    await store.put("execution/media", b"before")
    for name in ("media", "other"):
        with pytest.raises(ValueError, match="broken off"):
            await store.put_stream(f"execution/{name}", coming(bytes(2_000_000), error=ValueError("broken off")))
    assert await store.get("execution/media") == b"before"
    with pytest.raises(MediaNotFound):
        await store.get("execution/other")


async def test_what_was_never_put_is_not_found_before_the_first_piece(store: BlobStore) -> None:
    with pytest.raises(MediaNotFound):
        await anext(aiter(store.stream("execution/nothing")))


async def test_names_with_dots_are_names_like_any_other(store: BlobStore) -> None:
    for key in ("a..b/..c", ".a/b.", "a/b.c-d_e"):
        await store.put(key, key.encode())
        assert await store.get(key) == key.encode()


async def test_a_second_put_replaces_the_first(store: BlobStore) -> None:
    await store.put("execution/media", b"a long first one")
    await store.put("execution/media", b"second")
    assert await store.get("execution/media") == b"second"


@pytest.mark.parametrize("key", ["nothing", "execution/nothing", "execution/media/deeper", "execution"])
async def test_what_was_never_put_is_not_found(store: BlobStore, key: str) -> None:
    await store.put("execution/media", b"data")
    with pytest.raises(MediaNotFound):
        await store.get(key)


async def test_a_delete_may_be_repeated_and_name_what_is_not_there(store: BlobStore) -> None:
    await store.put("execution/media", b"data")
    for _ in range(2):
        await store.delete(["execution/media", "execution/nothing", "nothing/at-all"])
        with pytest.raises(MediaNotFound):
            await store.get("execution/media")
    await store.delete([])


async def test_many_are_deleted_at_once_and_the_others_stay(store: BlobStore) -> None:
    keys = [f"execution/media-{number}" for number in range(40)]
    await asyncio.gather(*(store.put(key, key.encode()) for key in [*keys, "execution/kept", "other/kept"]))
    await store.delete(keys)
    for key in keys:
        with pytest.raises(MediaNotFound):
            await store.get(key)
    assert await store.get("execution/kept") == b"execution/kept"
    assert await store.get("other/kept") == b"other/kept"


async def test_puts_at_the_same_time_do_not_mix(store: BlobStore) -> None:
    contents = {f"execution-{number % 4}/media-{number}": os.urandom(50_000) for number in range(32)}
    await asyncio.gather(*(store.put(key, data) for key, data in contents.items()))
    found = await asyncio.gather(*map(store.get, contents))
    assert found == list(contents.values())


async def test_puts_of_one_key_at_the_same_time_leave_one_of_them_whole(store: BlobStore) -> None:
    contents = [bytes([number]) * 100_000 for number in range(16)]
    await asyncio.gather(*(store.put("execution/media", data) for data in contents))
    assert await store.get("execution/media") in contents


async def test_what_lies_below_a_prefix_for_some_time_is_listed(store: BlobStore) -> None:
    for key in ("runs/one", "runs/two", "executions/e/m"):
        await store.put(key, b"x")
    # Clocks of buckets tell whole seconds.
    old = [key async for keys in store.older("runs/", -5.0) for key in keys]
    assert sorted(old) == ["runs/one", "runs/two"]
    assert [keys async for keys in store.older("runs/", 3600.0)] == []
    assert [keys async for keys in store.older("nothing/", -5.0)] == []


async def test_a_store_that_answers_is_ready_again_and_again(store: BlobStore) -> None:
    assert [await store.ready() for _ in range(3)] == [True] * 3


async def test_a_store_that_is_gone_is_not_ready_and_every_call_says_so(mortal: Place) -> None:
    store = mortal.store
    await store.put("execution/media", b"data")
    assert await store.ready()
    await mortal.take_away()
    assert not await store.ready()
    for call in (store.put("a/b", b"data"), store.get("execution/media"), store.delete(["execution/media"])):
        with pytest.raises(StorageUnavailable, match="media store is not reachable") as refused:
            await call
        assert refused.value.retry_after


async def test_objects_lie_under_the_prefix_of_the_url(s3: S3Server, s3_environment: Callable[[str], None]) -> None:
    s3_environment(s3.url)
    store = await open_store("s3://media/a/prefix/")
    await store.put("execution/media", b"data")
    assert "<Key>a/prefix/execution/media</Key>" in s3.listing()


async def test_a_bucket_that_does_not_exist_cannot_be_started_with(
    s3: S3Server, s3_environment: Callable[[str], None]
) -> None:
    s3_environment(s3.url)
    with pytest.raises(CannotStart, match="s3://no-such-bucket/prefix does not exist: check --blob-url"):
        await open_store("s3://no-such-bucket/prefix")


async def test_a_bucket_that_was_removed_is_unavailable_and_its_media_are_not_called_missing(
    s3: S3Server, s3_environment: Callable[[str], None]
) -> None:
    s3_environment(s3.url)
    httpx.put(f"{s3.url}/short-lived", trust_env=False).raise_for_status()
    store = await open_store("s3://short-lived")
    await store.delete(["anything"])
    from_url("s3://short-lived", client_options={"allow_http": True}).delete("+ready")
    httpx.delete(f"{s3.url}/short-lived", trust_env=False).raise_for_status()
    assert not await store.ready()
    for call in (store.put("a/b", b"data"), store.get("a/b"), store.delete(["a/b"])):
        with pytest.raises(StorageUnavailable):
            await call


async def test_a_bucket_whose_server_is_away_at_the_start_is_ready_once_it_answers(
    s3_environment: Callable[[str], None],
) -> None:
    with s3_server() as server:
        s3_environment(server.url)
        store = await open_store("s3://media/prefix")
        assert not await store.ready()
        await asyncio.to_thread(server.start)
        assert await store.ready()


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """A server that takes connections and never answers."""
    connections: list[asyncio.StreamWriter] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in connections:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    await server.wait_closed()


async def test_a_server_that_never_answers_is_given_up(
    silent: str, s3_environment: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(bucket, "_PATIENCE", 0.2)
    s3_environment(silent)
    store = await open_store("s3://media/prefix")
    assert not await store.ready()
    for call in (store.put("a/b", b"data"), store.get("a/b"), store.delete(["a/b"])):
        with pytest.raises(StorageUnavailable):
            await call


async def test_a_server_that_refuses_the_credentials_cannot_be_started_with(
    s3_environment: Callable[[str], None],
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        s3_environment(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(CannotStart, match="refuses the gateway: check --blob-url and the credentials"):
            await open_store("s3://media/prefix")
