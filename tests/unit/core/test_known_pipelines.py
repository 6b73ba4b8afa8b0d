import asyncio

import msgspec
import pytest

from gateway.core.pipelines import Pipelines
from gateway.domain.access import ANYONE
from gateway.domain.pipelines import PipelineStatus
from gateway.errors import (
    GatewayError,
    PipelineNotFound,
    PipelineNotReady,
    RuntimeUnsupported,
    StorageUnavailable,
    TritonUnavailable,
)
from unit.fakes import FakeSource, FakeStore, pipeline, with_status

OCR = pipeline("ocr")
STATS = pipeline("image_stats")


def status(found: Pipelines) -> dict[str, PipelineStatus]:
    return {each.pipeline_id: each.status for each in found.list(ANYONE)}


async def test_pipelines_are_listed_by_name() -> None:
    found = Pipelines(FakeSource(OCR, STATS), FakeStore())
    await found.refresh()
    assert [each.pipeline_id for each in found.list(ANYONE)] == ["image_stats", "ocr"]


async def test_what_was_seen_once_stays_known_when_triton_has_it_no_more() -> None:
    source = FakeSource(OCR, STATS)
    found = Pipelines(source, FakeStore())
    await found.refresh()
    source.pipelines = [STATS]
    await found.refresh()
    assert status(found) == {"ocr": PipelineStatus.UNAVAILABLE, "image_stats": PipelineStatus.READY}
    assert (await found.get(ANYONE, "ocr")).reason == "Triton has it no more"
    with pytest.raises(PipelineNotReady):
        await found.runnable("ocr")


async def test_what_earlier_processes_saw_is_unavailable_until_triton_shows_it() -> None:
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore(OCR, STATS))
    await found.recall()
    assert status(found) == {"ocr": PipelineStatus.UNAVAILABLE, "image_stats": PipelineStatus.UNAVAILABLE}
    await found.refresh()
    assert status(found) == {"ocr": PipelineStatus.READY, "image_stats": PipelineStatus.UNAVAILABLE}


async def test_while_triton_is_unreachable_every_pipeline_is_unavailable() -> None:
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore())
    await found.refresh()
    source.failure = TritonUnavailable()
    await found.refresh()
    assert status(found) == {"ocr": PipelineStatus.UNAVAILABLE}
    assert (await found.get(ANYONE, "ocr")).reason == "Triton is not reachable"
    for name in ("ocr", "never"):
        with pytest.raises(TritonUnavailable):
            await found.runnable(name)
    assert not await found.ready()


async def test_when_triton_is_back_its_pipelines_can_be_run_again() -> None:
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore())
    source.failure = TritonUnavailable()
    await found.refresh()
    source.failure = None
    await found.refresh()
    assert await found.runnable("ocr") == OCR
    assert await found.ready()


async def test_a_model_that_triton_lists_but_hides_is_not_ready_rather_than_not_found() -> None:
    source = FakeSource(OCR)
    source.hidden = frozenset(("broken",))
    found = Pipelines(source, FakeStore())
    await found.refresh()
    with pytest.raises(PipelineNotReady):
        await found.get(ANYONE, "broken")


async def test_only_what_never_was_is_not_found() -> None:
    found = Pipelines(FakeSource(OCR), FakeStore())
    await found.refresh()
    with pytest.raises(PipelineNotFound):
        await found.get(ANYONE, "never")


async def test_an_unknown_name_has_triton_asked_before_it_is_refused() -> None:
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore())
    assert (await found.get(ANYONE, "ocr")).pipeline_id == "ocr"
    assert source.looks == 1


async def test_a_fresh_look_is_not_repeated_for_every_unknown_name() -> None:
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore())
    await found.refresh()
    for _ in range(3):
        with pytest.raises(PipelineNotFound):
            await found.get(ANYONE, "never")
    assert source.looks == 1


async def test_news_are_saved_once() -> None:
    store = FakeStore()
    found = Pipelines(FakeSource(OCR, STATS), store)
    await found.refresh()
    await found.refresh()
    assert store.saves == [["ocr", "image_stats"]]


async def test_a_changed_config_is_saved_again() -> None:
    store, source = FakeStore(), FakeSource(OCR)
    found = Pipelines(source, store)
    await found.refresh()
    source.pipelines = [pipeline("ocr", inputs=())]
    await found.refresh()
    assert store.saves == [["ocr"], ["ocr"]]
    assert store.kept["ocr"].inputs == ()


@pytest.mark.parametrize("now", [PipelineStatus.LOADING, PipelineStatus.UNAVAILABLE])
async def test_a_status_alone_is_not_saved(now: PipelineStatus) -> None:
    store, source = FakeStore(), FakeSource(OCR)
    found = Pipelines(source, store)
    await found.refresh()
    source.pipelines = [with_status(OCR, now)]
    await found.refresh()
    assert store.saves == [["ocr"]]
    assert status(found) == {"ocr": now}
    with pytest.raises(PipelineNotReady):
        await found.runnable("ocr")


async def test_a_config_that_changes_before_its_models_are_ready_is_saved_when_they_are() -> None:
    store, source = FakeStore(), FakeSource(OCR)
    found = Pipelines(source, store)
    await found.refresh()
    changed = pipeline("ocr", inputs=())
    for status_now in (PipelineStatus.LOADING, PipelineStatus.READY, PipelineStatus.READY):
        source.pipelines = [with_status(changed, status_now)]
        await found.refresh()
    assert store.saves == [["ocr"], ["ocr"]]
    assert store.kept["ocr"].inputs == ()


async def test_what_triton_has_no_more_is_told_once_and_its_return_too() -> None:
    store, source = FakeStore(), FakeSource(OCR, STATS)
    found = Pipelines(source, store)
    await found.refresh()
    for seen, lost in (([STATS], {"ocr"}), ([STATS], {"ocr"}), ([OCR, STATS], set())):
        source.pipelines = list(seen)
        await found.refresh()
        assert store.lost == lost
    assert store.saves == [["ocr", "image_stats"], [], ["ocr"]]


async def test_a_return_is_told_by_a_process_that_was_not_there_when_it_went() -> None:
    store = FakeStore(OCR)
    store.lost = {"ocr"}
    found = Pipelines(FakeSource(OCR), store)
    await found.recall()
    await found.refresh()
    assert store.lost == set()


async def test_what_triton_hides_or_nobody_can_see_is_not_gone() -> None:
    store, source = FakeStore(), FakeSource(OCR)
    found = Pipelines(source, store)
    await found.refresh()
    source.failure = TritonUnavailable()
    await found.refresh()
    source.failure, source.pipelines, source.hidden = None, [], frozenset(("ocr",))
    await found.refresh()
    assert store.lost == set()


async def test_a_loss_that_could_not_be_told_is_told_at_the_next_look() -> None:
    store, source = FakeStore(), FakeSource(OCR)
    found = Pipelines(source, store)
    await found.refresh()
    source.pipelines = []
    store.failures.append(StorageUnavailable())
    await found.refresh()
    assert store.lost == set()
    await found.refresh()
    assert store.lost == {"ocr"}


async def test_what_was_recalled_is_no_news() -> None:
    store = FakeStore(OCR)
    found = Pipelines(FakeSource(OCR), store)
    await found.recall()
    await found.refresh()
    assert store.saves == []


async def test_what_could_not_be_saved_is_known_all_the_same() -> None:
    store = FakeStore()
    store.failures.append(StorageUnavailable())
    found = Pipelines(FakeSource(OCR), store)
    await found.refresh()
    assert await found.runnable("ocr") == OCR
    assert await store.load() == []


async def test_what_could_not_be_saved_is_saved_at_the_next_look() -> None:
    store = FakeStore()
    store.failures.append(StorageUnavailable())
    found = Pipelines(FakeSource(OCR), store)
    await found.refresh()
    await found.refresh()
    assert await store.load() == [OCR]


async def test_many_who_ask_for_what_nobody_knows_make_one_look() -> None:
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore())
    answers = await asyncio.gather(*(found.get(ANYONE, "never_was") for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in answers} == {PipelineNotFound}
    assert source.looks == 1


async def test_a_decoupled_ensemble_is_shown_but_not_run() -> None:
    found = Pipelines(FakeSource(pipeline("stream", decoupled=True)), FakeStore())
    await found.refresh()
    assert (await found.get(ANYONE, "stream")).decoupled
    with pytest.raises(RuntimeUnsupported, match="decoupled"):
        await found.runnable("stream")


async def test_a_suspicion_wakes_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.pipelines.DISCOVERY_INTERVAL", 3600.0)
    source = FakeSource(OCR)
    found = Pipelines(source, FakeStore())
    watch = asyncio.create_task(found.watch())
    try:
        async with asyncio.timeout(30):
            await source.looked(1)
            found.suspect()
            await source.looked(2)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


@pytest.mark.parametrize("failure", [StorageUnavailable(), TritonUnavailable()])
async def test_the_watch_outlives_a_failure(failure: GatewayError) -> None:
    source = FakeSource(OCR)
    source.failure = failure
    found = Pipelines(source, FakeStore())
    watch = asyncio.create_task(found.watch())
    try:
        await source.looked(1)
        source.failure = None
        found.suspect()
        await source.looked(2)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    await found.refresh()
    assert await found.runnable("ocr") == OCR


async def test_the_concurrency_of_a_pipeline_is_what_its_config_says() -> None:
    found = Pipelines(FakeSource(msgspec.structs.replace(OCR, concurrency=2), pipeline("other")), FakeStore())
    await found.refresh()
    assert [found.concurrency(name) for name in ("ocr", "other", "never")] == [2, None, None]
