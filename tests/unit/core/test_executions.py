import base64
from datetime import timedelta

import pytest

from gateway.domain.access import ANYONE, Caller, Scope
from gateway.domain.executions import ExecutionFilter
from gateway.domain.ids import is_uuid
from gateway.errors import (
    ExecutionNotFound,
    ExecutionTaken,
    InvalidInput,
    MediaNotFound,
    MediaUnsupported,
    StorageUnavailable,
)
from unit.fakes import START, FakeBlobs, Gateway

PNG = b"\x89PNG\r\n\x1a\n and more"


def caller(owner: str) -> Caller:
    return Caller(owner=owner, scopes=frozenset({Scope.RUN, Scope.READ}))


async def with_execution(execution_id: str = "mine") -> Gateway:
    built = Gateway()
    await built.executions.create(ANYONE, execution_id, None, None)
    return built


async def test_an_execution_of_a_new_id_is_created() -> None:
    execution, created = await Gateway().executions.create(ANYONE, "mine.1_a-B", "tag", b'{"a": 1}')
    assert created
    assert (execution.execution_id, execution.tag, execution.meta_data) == ("mine.1_a-B", "tag", b'{"a": 1}')
    assert (execution.created_at, execution.state) == (START, None)


async def test_an_execution_that_there_is_stays_as_it_is() -> None:
    built = Gateway()
    first, _ = await built.executions.create(ANYONE, "mine", "one", None)
    second, created = await built.executions.create(ANYONE, "mine", "two", b"{}")
    assert (second, created) == (first, False)


async def test_an_execution_that_another_owner_has_is_taken() -> None:
    built, ann, bob = Gateway(), caller("ann"), caller("bob")
    made, _ = await built.executions.create(ann, "mine", "one", None)
    assert made.owner == "ann"
    with pytest.raises(ExecutionTaken):
        await built.executions.create(bob, "mine", "two", None)
    root = Caller(owner="root", scopes=frozenset({Scope.ADMIN}))
    assert await built.executions.create(root, "mine", None, None) == (made, False)


async def test_an_execution_without_an_id_gets_one() -> None:
    execution, created = await Gateway().executions.create(ANYONE, None, None, None)
    assert created
    assert is_uuid(execution.execution_id)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "ä", "x" * 129, "a\n", "a\0"])
async def test_an_id_of_another_form_is_refused(name: str) -> None:
    built = Gateway()
    with pytest.raises(InvalidInput) as refused:
        await built.executions.create(ANYONE, name, None, None)
    assert refused.value.field == "executionId"
    with pytest.raises(ExecutionNotFound):
        await built.executions.get(ANYONE, name)


@pytest.mark.parametrize("name", ["...", ".a", "a.", "-", "x" * 128])
async def test_an_id_of_the_form_is_taken(name: str) -> None:
    _, created = await Gateway().executions.create(ANYONE, name, None, None)
    assert created


async def test_a_list_is_read_page_by_page_newest_first() -> None:
    built = Gateway()
    for number in range(5):
        await built.executions.create(ANYONE, f"e{number}", "odd" if number % 2 else "even", None)
    pages, cursor = [], None
    while True:
        page = await built.executions.page(ANYONE, ExecutionFilter(), 2, cursor)
        pages.append([each.execution_id for each in page.executions])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [["e4", "e3"], ["e2", "e1"], ["e0"]]
    odd = await built.executions.page(ANYONE, ExecutionFilter(tag="odd"), 2, None)
    assert ([each.execution_id for each in odd.executions], odd.next_cursor) == (["e3", "e1"], None)


@pytest.mark.parametrize("cursor", ["x", "", "-1", "1.5", "1" * 19, "²", "٣"])
async def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await Gateway().executions.page(ANYONE, ExecutionFilter(), 2, cursor)
    assert refused.value.field == "cursor"


async def test_media_is_stored_as_it_came_with_the_type_its_bytes_tell() -> None:
    built = await with_execution()
    record = await built.executions.upload(ANYONE, "mine", PNG, "application/octet-stream")
    assert (record.content_type, record.size, record.execution_id) == ("image/png", len(PNG), "mine")
    assert built.blobs.kept == {f"executions/mine/{record.media_id}": PNG}
    assert await built.executions.media(ANYONE, "mine") == [record]
    assert await built.executions.fetch(ANYONE, "mine", record.media_id) == (record, PNG)


async def test_base64_of_known_media_is_decoded() -> None:
    built = await with_execution()
    record = await built.executions.upload(ANYONE, "mine", base64.b64encode(PNG), "image/png")
    assert await built.executions.fetch(ANYONE, "mine", record.media_id) == (record, PNG)


async def test_text_is_kept_where_it_is_declared() -> None:
    built = await with_execution()
    record = await built.executions.upload(ANYONE, "mine", b"words", "text/plain")
    assert record.content_type.startswith("text/plain")


@pytest.mark.parametrize(
    ("execution_id", "body", "error"),
    [
        ("mine", b"", InvalidInput),
        ("mine", b"words", MediaUnsupported),
        ("never", PNG, ExecutionNotFound),
        ("..", PNG, ExecutionNotFound),
    ],
)
async def test_media_that_is_refused_leaves_nothing(execution_id: str, body: bytes, error: type[Exception]) -> None:
    built = await with_execution()
    with pytest.raises(error):
        await built.executions.upload(ANYONE, execution_id, body, None)
    assert built.blobs.kept == {}
    assert built.records.media == []


async def test_media_of_an_execution_that_is_deleted_meanwhile_leaves_no_blob() -> None:
    built = await with_execution()

    class Deleting(FakeBlobs):
        async def put(self, key: str, data: bytes) -> None:
            await super().put(key, data)
            del built.records.executions["mine"]

    built.executions._blobs = built.removal._blobs = blobs = Deleting()
    with pytest.raises(ExecutionNotFound):
        await built.executions.upload(ANYONE, "mine", PNG, None)
    assert (blobs.kept, built.records.doomed) == ({}, {})


async def test_deleted_media_is_gone_with_its_bytes() -> None:
    built = await with_execution()
    record = await built.executions.upload(ANYONE, "mine", PNG, None)
    await built.executions.delete_media(ANYONE, "mine", record.media_id)
    assert built.blobs.kept == {}
    for gone in (built.executions.fetch, built.executions.delete_media):
        with pytest.raises(MediaNotFound):
            await gone(ANYONE, "mine", record.media_id)


async def test_a_deleted_execution_takes_its_media_along() -> None:
    built = await with_execution()
    await built.executions.upload(ANYONE, "mine", PNG, None)
    await built.executions.delete(ANYONE, "mine")
    assert built.blobs.kept == {}
    with pytest.raises(ExecutionNotFound):
        await built.executions.delete(ANYONE, "mine")


async def test_an_execution_is_deleted_even_where_its_blobs_cannot_be_reached() -> None:
    built = await with_execution()
    await built.executions.upload(ANYONE, "mine", PNG, None)
    built.blobs.failure = StorageUnavailable()
    await built.executions.delete(ANYONE, "mine")
    with pytest.raises(ExecutionNotFound):
        await built.executions.get(ANYONE, "mine")
    assert (len(built.blobs.kept), len(built.records.doomed)) == (1, 1)
    built.blobs.failure = None
    assert await built.removal.sweep() == 1
    assert (built.blobs.kept, built.records.doomed) == ({}, {})


async def test_media_that_cannot_be_said_to_be_stored_stay_doomed() -> None:
    built = await with_execution()

    class Late(FakeBlobs):
        async def put(self, key: str, data: bytes) -> None:
            await super().put(key, data)
            raise StorageUnavailable

    built.executions._blobs = blobs = Late()
    with pytest.raises(StorageUnavailable):
        await built.executions.upload(ANYONE, "mine", PNG, None)
    assert list(built.records.doomed) == list(blobs.kept)


async def test_an_execution_says_when_it_is_removed() -> None:
    built = Gateway()
    month, own, never = [(await built.executions.create(ANYONE, None, None, None, ttl))[0] for ttl in (None, 90.0, 0.0)]
    assert month.expires_at == START + timedelta(days=30)
    assert own.expires_at == START + timedelta(seconds=91)
    assert never.expires_at is None
    page = await built.executions.page(ANYONE, ExecutionFilter(), 10, None)
    assert {each.expires_at for each in page.executions} == {month.expires_at, own.expires_at, None}
