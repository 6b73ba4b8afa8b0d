import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.core.files import Files
from gateway.domain.access import ANYONE, Caller, Scope
from gateway.domain.files import FileRecord, NewFile
from gateway.domain.retention import Retention
from gateway.errors import (
    FileNotFound,
    GatewayError,
    InvalidInput,
    Malformed,
    MediaLimit,
    Overloaded,
    RequestIncomplete,
    StorageUnavailable,
    TooLarge,
)
from gateway.limits import MAX_FILE_UPLOADS, MAX_FILENAME_CHARACTERS, MAX_RETENTION, UPLOAD_TIMEOUT
from gateway.settings import Settings
from unit.fakes import Bell, Gateway

PNG = b"\x89PNG\r\n\x1a\n and more"
MINE = Caller(owner="me", scopes=frozenset((Scope.RUN, Scope.READ)))
THEIRS = Caller(owner="them", scopes=frozenset((Scope.RUN, Scope.READ)))


async def coming(*pieces: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if error is not None:
        raise error


async def put(files: Files, *pieces: bytes, caller: Caller = MINE, **about: object) -> FileRecord:
    return await files.create(caller, coming(*pieces), lambda: NewFile(**about))  # type: ignore[arg-type]


async def test_a_file_that_is_too_large_for_a_call_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    built = Gateway()
    stored = await put(built.files, PNG)
    monkeypatch.setattr("gateway.domain.media.MAX_MEDIA_BYTES", len(PNG) - 1)
    built.blobs.kept.clear()
    with pytest.raises(MediaLimit):
        await built.files.fetch(stored.file_id, "me")


async def test_a_file_is_stored_and_doomed_no_longer() -> None:
    built = Gateway()
    stored = await put(built.files, PNG[:3], PNG[3:], filename="a.png", declared="text/plain", purpose="p")
    assert (stored.owner, stored.filename, stored.purpose) == ("me", "a.png", "p")
    assert (stored.content_type, stored.size) == ("image/png", len(PNG))
    assert built.blobs.kept == {stored.blob: PNG}
    assert built.records.doomed == {}
    assert await built.files.get(MINE, stored.file_id) == stored
    record, pieces = await built.files.content(MINE, stored.file_id)
    assert (record, b"".join([piece async for piece in pieces])) == (stored, PNG)
    assert await built.files.fetch(stored.file_id, "me") == PNG


@pytest.mark.parametrize(
    ("data", "declared", "kind"),
    [
        (PNG, "application/pdf", "image/png"),
        (b"text", "text/plain; charset=UTF-8", "text/plain; charset=utf-8"),
        (b"<html>", "text/html", "application/octet-stream"),
        (b"\0\1", None, "application/octet-stream"),
        (b"PK\x03\x04" + bytes(26) + b"_rels/" + bytes(200_000) + b"word/document.xml", None,
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
    ids=["known", "text", "markup", "anything", "named at its end"],
)  # fmt: skip
async def test_the_type_is_that_of_the_bytes_else_text_that_is_declared(
    data: bytes, declared: str | None, kind: str
) -> None:
    built = Gateway(max_body_bytes=10**6)
    assert (await put(built.files, data[:50], data[50:], declared=declared)).content_type == kind


@pytest.mark.parametrize(("size", "fits"), [(99_999, True), (100_000, True), (100_001, False)])
async def test_a_file_is_as_large_as_it_may_be(size: int, fits: bool) -> None:
    built = Gateway(max_body_bytes=100_000)
    if fits:
        assert (await put(built.files, bytes(size - 1), b"x")).size == size
        return
    with pytest.raises(TooLarge):
        await put(built.files, bytes(size - 1), b"x")
    assert (built.blobs.kept, built.records.doomed, built.records.files) == ({}, {}, {})


@pytest.mark.parametrize("pieces", [(), (b"",), (b"", b"")])
async def test_nothing_is_no_file(pieces: tuple[bytes, ...]) -> None:
    built = Gateway()
    with pytest.raises(InvalidInput):
        await put(built.files, *pieces)
    assert (built.blobs.kept, built.records.doomed) == ({}, {})


@pytest.mark.parametrize("error", [Malformed(), InvalidInput()])
async def test_a_body_that_breaks_off_leaves_nothing(error: GatewayError) -> None:
    built = Gateway()
    with pytest.raises(type(error)):
        await built.files.create(MINE, coming(b"some", error=error), NewFile)
    assert (built.blobs.kept, built.records.doomed, built.records.files) == ({}, {}, {})


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"filename": name}, "filename")
        for name in ("", "/etc/passwd", "a\\b", "a\nb", "a\0", ".", "..", "  ", "\u202egnp.exe", "x" * 256, "a\x9b")
    ]
    + [({"purpose": name}, "purpose") for name in ("", "a b", "ä", "x" * 65)]
    + [({"ttl": seconds}, "expires_after") for seconds in (-1, MAX_RETENTION + 1, float("nan"), float("inf"))],
)
async def test_what_no_file_can_have_is_refused_and_leaves_nothing(about: dict[str, object], field: str) -> None:
    built = Gateway()
    with pytest.raises(InvalidInput) as refused:
        await put(built.files, b"data", **about)
    assert refused.value.field == field
    assert (built.blobs.kept, built.records.doomed) == ({}, {})


@pytest.mark.parametrize("name", ["a", "Größe 5 (2).png", ".hidden", "x" * MAX_FILENAME_CHARACTERS, "文件.pdf", 'a"b'])
async def test_a_name_is_shown_as_it_was_given_and_never_part_of_a_path(name: str) -> None:
    built = Gateway()
    stored = await put(built.files, b"data", filename=name)
    assert stored.filename == name
    assert stored.blob == f"files/{stored.file_id}"
    assert stored.disposition.isascii()
    assert stored.disposition.count('"') == 2


async def test_a_blob_that_cannot_be_said_to_be_stored_stays_doomed() -> None:
    built = Gateway()
    built.blobs.failure = StorageUnavailable()
    with pytest.raises(StorageUnavailable):
        await put(built.files, b"data")
    assert list(built.records.doomed.values()) == [UPLOAD_TIMEOUT]


async def test_a_record_that_cannot_be_written_leaves_its_blob_doomed() -> None:
    built = Gateway()

    async def fail() -> AsyncIterator[bytes]:
        yield b"data"
        built.records.failure = StorageUnavailable()

    with pytest.raises(StorageUnavailable):
        await built.files.create(MINE, fail(), NewFile)
    assert list(built.blobs.kept) == list(built.records.doomed)


async def test_anothers_file_is_not_found_and_an_admin_finds_it() -> None:
    built = Gateway()
    stored = await put(built.files, b"data")
    for refused in (
        built.files.get(THEIRS, stored.file_id),
        built.files.content(THEIRS, stored.file_id),
        built.files.delete(THEIRS, stored.file_id),
        built.files.fetch(stored.file_id, "them"),
    ):
        with pytest.raises(FileNotFound):
            await refused
    assert (await built.files.page(THEIRS, None, 10, None)).files == []
    assert await built.files.get(ANYONE, stored.file_id) == stored
    assert await built.files.fetch(stored.file_id, None) == b"data"


async def test_a_list_is_read_page_by_page_newest_first() -> None:
    built = Gateway()
    ours = [(await put(built.files, b"x", purpose="odd" if number % 2 else "even")).file_id for number in range(5)]
    first = await built.files.page(MINE, None, 3, None)
    second = await built.files.page(MINE, None, 3, first.next_cursor)
    assert [each.file_id for each in (*first.files, *second.files)] == ours[::-1]
    assert second.next_cursor is None
    assert [each.file_id for each in (await built.files.page(MINE, "odd", 10, None)).files] == [ours[3], ours[1]]
    with pytest.raises(InvalidInput):
        await built.files.page(MINE, None, 3, "x")


async def test_a_deleted_file_goes_with_its_bytes() -> None:
    built = Gateway()
    stored = await put(built.files, b"data")
    await built.files.delete(MINE, stored.file_id)
    assert (built.blobs.kept, built.records.files, built.records.doomed) == ({}, {}, {})


async def test_a_file_whose_bytes_go_meanwhile_is_not_found() -> None:
    built = Gateway()
    stored = await put(built.files, b"data")
    built.blobs.kept.clear()
    with pytest.raises(FileNotFound):
        await built.files.fetch(stored.file_id, "me")
    with pytest.raises(FileNotFound):
        await built.files.content(MINE, stored.file_id)


@pytest.mark.parametrize(
    ("ttl", "kept", "seconds"), [(None, 9.0, 9), (5.0, 9.0, 5), (0.0, 9.0, None), (None, 0.0, None)]
)
async def test_the_time_of_a_file_is_its_own_or_that_of_the_settings(
    ttl: float | None, kept: float, seconds: float | None
) -> None:
    built = Gateway()
    retention = Retention.of(Settings(file_retention=kept))
    files = Files(built.file_store, built.blobs, built.removal, retention)
    stored = await put(files, b"data", ttl=ttl)
    shown = stored.expires_at
    assert (None if shown is None else (shown - stored.created_at).total_seconds()) == seconds


async def test_more_files_at_once_than_there_may_be_are_refused() -> None:
    built, begun, go_on = Gateway(), Bell(), Bell()

    async def slow() -> AsyncIterator[bytes]:
        begun.ring()
        await go_on.rang()
        yield b"data"

    tasks = [asyncio.create_task(built.files.create(MINE, slow(), NewFile)) for _ in range(MAX_FILE_UPLOADS)]
    await begun.rang(MAX_FILE_UPLOADS)
    with pytest.raises(Overloaded):
        await put(built.files, b"one more")
    go_on.ring()
    await asyncio.gather(*tasks)
    await put(built.files, b"now")


@pytest.mark.parametrize("limit", ["BODY_TIMEOUT", "FILE_UPLOAD_TIMEOUT"])
async def test_a_file_that_stands_still_is_given_up_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(f"gateway.core.files.{limit}", 0.01)
    built = Gateway()

    async def still() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.Event().wait()

    with pytest.raises(RequestIncomplete):
        await built.files.create(MINE, still(), NewFile)
    assert (built.blobs.kept, built.records.doomed) == ({}, {})
