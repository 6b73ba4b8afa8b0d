import json

import pytest

from gateway.domain.access import ANYONE
from gateway.domain.executions import Execution
from gateway.domain.ids import new_id
from gateway.domain.observations import Entry, Given, observation_json
from gateway.errors import ExecutionNotFound, ResultGone, TransformInvalid
from gateway.limits import ENTRIES_PER_READ
from unit.fakes import EXECUTION_ID, START, FakeRecords, Gateway, entry, finished_run


def with_entries(count: int) -> tuple[Gateway, list[Entry]]:
    """A gateway whose one observation has so many entries."""
    built = Gateway()
    built.records.write(finished_run())
    entries = [entry(b'{"n":%d}' % number) for number in range(count)]
    built.records.entries = [(EXECUTION_ID, each) for each in entries]
    return built, entries


def transient(records: FakeRecords) -> None:
    records.executions["gone"] = Execution(execution_id="gone", created_at=START, transient=True)


@pytest.mark.parametrize(
    ("count", "pieces"),
    [(0, 2), (1, 3), (ENTRIES_PER_READ, 3), (ENTRIES_PER_READ + 1, 4), (2 * ENTRIES_PER_READ + 5, 5)],
)
async def test_a_stream_in_pieces_is_the_document_as_a_whole(count: int, pieces: int) -> None:
    built, entries = with_entries(count)
    streamed = [piece async for piece in built.observations.stream(ANYONE, EXECUTION_ID)]
    assert len(streamed) == pieces
    assert b"".join(streamed) == observation_json(EXECUTION_ID, entries)
    assert await built.observations.document(ANYONE, EXECUTION_ID) == observation_json(EXECUTION_ID, entries)


async def test_a_stream_reads_no_further_than_it_is_read() -> None:
    built, _ = with_entries(3 * ENTRIES_PER_READ)
    stream = built.observations.stream(ANYONE, EXECUTION_ID)
    await anext(stream)
    await anext(stream)
    assert built.entry_store.reads == [(ENTRIES_PER_READ, 0)]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_pages_together_are_the_whole() -> None:
    built, entries = with_entries(5)
    numbers, after = [], None
    while True:
        page = await built.observations.page(ANYONE, EXECUTION_ID, 2, after)
        found = json.loads(page.document)
        assert list(found) == ["executionId", "mediaContents", "documents"]
        numbers.append([each["n"] for each in found["mediaContents"]])
        if page.next_cursor is None:
            break
        after = int(page.next_cursor)
    assert numbers == [[0, 1], [2, 3], [4]]
    assert len(entries) == 5


async def test_a_page_that_ends_with_the_observation_has_no_next_one() -> None:
    built, _ = with_entries(2)
    assert (await built.observations.page(ANYONE, EXECUTION_ID, 2, None)).next_cursor is None


@pytest.mark.parametrize("execution_id", ["never", "..", "a/b"])
async def test_an_observation_that_is_not_there_is_not_found_before_the_first_byte(execution_id: str) -> None:
    observations = Gateway().observations
    with pytest.raises(ExecutionNotFound):
        await anext(observations.stream(ANYONE, execution_id))
    with pytest.raises(ExecutionNotFound):
        await observations.page(ANYONE, execution_id, 1, None)
    with pytest.raises(ExecutionNotFound):
        await observations.merge(ANYONE, execution_id, [])


async def test_what_a_transient_call_found_is_gone() -> None:
    built = Gateway()
    transient(built.records)
    for read in (built.observations.document, built.observations.json):
        with pytest.raises(ResultGone):
            await read(ANYONE, "gone")
    with pytest.raises(ResultGone):
        await built.observations.transform(ANYONE, "gone", "x")
    assert built.transformer.given == []


async def test_what_is_merged_keeps_its_id_or_gets_one() -> None:
    built, _ = with_entries(0)
    await built.observations.merge(ANYONE, EXECUTION_ID, [Given("mine", "m", b'{"a":1}'), Given(None, None, b"{}")])
    first, second = built.entry_store.merged
    assert (first.entry_id, first.media_id, first.content, first.created_at) == ("mine", "m", b'{"a":1}', START)
    assert (first.run_id, first.pipeline_id, first.pipeline_version) == (None, None, None)
    assert second.entry_id not in ("mine", new_id())


async def test_a_transform_is_given_the_whole_observation() -> None:
    built, entries = with_entries(2)
    assert await built.observations.transform(ANYONE, EXECUTION_ID, "$.x") == b'"made"'
    assert built.transformer.given == [("$.x", observation_json(EXECUTION_ID, entries))]


async def test_a_transform_that_is_refused_says_so() -> None:
    built, _ = with_entries(0)
    built.transformer.failure = TransformInvalid()
    with pytest.raises(TransformInvalid):
        await built.observations.transform(ANYONE, EXECUTION_ID, "(")


async def test_the_plain_form_of_an_observation_has_labels_for_keys() -> None:
    built, _ = with_entries(0)
    built.records.entries = [(EXECUTION_ID, entry(b'{"label":{"name":"invoice"}}'))]
    assert await built.observations.json(ANYONE, EXECUTION_ID) == b'{"label":"invoice"}'
