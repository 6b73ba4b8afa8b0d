import pytest

from gateway.core.admitted import Admitted
from gateway.core.staging import Staging
from gateway.domain.access import EVERYTHING
from gateway.domain.calls import Call, RunRequest, StoredMedia
from gateway.domain.media import Media, MediaRecord, given
from gateway.errors import MediaNotFound, StorageUnavailable
from unit.fakes import EXECUTION_ID, START, FakeBlobs, FakeRecords, FakeRuns, finished_run, pipeline

RUN = finished_run().run
RUNS = FakeRuns(FakeRecords())
RECORD = MediaRecord(
    execution_id=EXECUTION_ID, media_id="m", content_type="image/png", size=1, created_at=START, blob="executions/e/m"
)


def admitted(*media: bytes, stored: tuple[MediaRecord, ...] = ()) -> Admitted:
    call = Call(pipeline_id="ocr", idempotent=True, parameters={"a": 1}, timeout=2.5)
    return Admitted(
        call=call,
        sees=EVERYTHING,
        pipeline=pipeline(),
        run=RUN,
        new=None,
        media=given(list(media)),
        stored=stored,
        inputs={"PROMPT": "hi"},
        named=(),
    )


async def test_media_that_a_call_brought_are_stored_under_the_run() -> None:
    blobs = FakeBlobs()
    request = await Staging(blobs, RUNS).staged(admitted(b"one", b"two"))
    names = (f"runs/{RUN.run_id}-0", f"runs/{RUN.run_id}-1")
    assert blobs.kept == dict(zip(names, (b"one", b"two"), strict=True))
    assert request == RunRequest(
        media=(StoredMedia(media_id="media-1", blob=names[0]), StoredMedia(media_id="media-2", blob=names[1])),
        staged=names,
        inputs={"PROMPT": "hi"},
        idempotent=True,
        parameters={"a": 1},
        timeout=2.5,
    )


async def test_stored_media_are_named_and_never_dropped() -> None:
    blobs = FakeBlobs()
    request = await Staging(blobs, RUNS).staged(admitted(stored=(RECORD,)))
    assert (request.media, request.staged) == ((StoredMedia(media_id="m", blob="executions/e/m"),), ())
    assert blobs.kept == {}


async def test_staged_media_come_back_in_order_under_their_ids() -> None:
    staging = Staging(FakeBlobs(), RUNS)
    request = await staging.staged(admitted(b"one", b"two"))
    assert await staging.fetched(request) == (Media("media-1", b"one"), Media("media-2", b"two"))


async def test_media_stored_on_an_execution_are_read_under_their_own_ids() -> None:
    blobs = FakeBlobs()
    blobs.kept["executions/e/m"] = b"x"
    assert await Staging(blobs, RUNS).stored([RECORD]) == (Media("m", b"x"),)


async def test_media_that_are_gone_are_not_found() -> None:
    with pytest.raises(MediaNotFound):
        await Staging(FakeBlobs(), RUNS).stored([RECORD])


async def test_what_cannot_be_stored_is_unavailable() -> None:
    blobs = FakeBlobs()
    blobs.failure = StorageUnavailable()
    with pytest.raises(StorageUnavailable):
        await Staging(blobs, RUNS).staged(admitted(b"x"))


async def test_dropping_what_cannot_be_reached_is_left_for_later(caplog: pytest.LogCaptureFixture) -> None:
    blobs = FakeBlobs()
    blobs.failure = StorageUnavailable()
    await Staging(blobs, RUNS).drop(["runs/r/0"])
    assert [record.getMessage() for record in caplog.records] == ["staging.not_dropped"]
