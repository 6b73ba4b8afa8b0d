"""Media that a call names: fetched in its order, a few at once, before anything is recorded."""

import asyncio

import msgspec
import pytest

from gateway.domain.access import ANYONE, Caller, Scope
from gateway.domain.calls import Call
from gateway.domain.media import Brought, FileReference, Media, MediaRecord, StoredReference, UrlReference
from gateway.errors import (
    ExecutionNotFound,
    FileNotFound,
    GatewayError,
    InvalidInput,
    KeyReused,
    MediaNotFound,
    StorageUnavailable,
    TooLarge,
    UrlFailed,
    UrlForbidden,
)
from gateway.limits import FETCHES_PER_CALL, URL_TIMEOUT
from unit.fakes import START, Gateway, call, gateway

URL = "https://there.example/a.png?token=secret"


async def built_with(**options: object) -> Gateway:
    """A gateway with a file `f`, a media `m` on the execution `mine`, and something at URL."""
    built = await gateway(**options)
    await built.executions.create(ANYONE, "mine", None, None)
    record = MediaRecord(
        execution_id="mine", media_id="m", content_type="image/png", size=6, created_at=START, blob="blob"
    )
    built.records.media.append(record)
    built.blobs.kept["blob"], built.uploads.kept["f"], built.urls.kept[URL] = b"stored", b"file", b"fetched"
    return built


def naming(*media: Brought, **fields: object) -> Call:
    return call(**{"media": media, **fields})  # type: ignore[arg-type]


async def gathered(built: Gateway, *media: Brought, **fields: object) -> tuple[Media, ...]:
    asked = naming(*media, **fields)
    return await built.gathering.gathered(None, asked, asked.media)


async def refused(built: Gateway, *media: Brought, **fields: object) -> GatewayError:
    with pytest.raises(GatewayError) as failure:
        await gathered(built, *media, **fields)
    return failure.value


async def test_what_a_call_brings_is_taken_as_it_is() -> None:
    media = (Media("media-1", b"a"), Media("media-2", b"b", "0-1"))
    assert await gathered(await built_with(), *media) == media


async def test_what_a_call_names_stands_in_its_order_and_a_stored_media_keeps_its_id() -> None:
    found = await gathered(
        await built_with(),
        FileReference("f"),
        Media("media-2", b"own"),
        StoredReference("m", "1"),
        UrlReference(URL, "0-5,10"),
        execution_id="mine",
    )
    assert found == (
        Media("media-1", b"file"),
        Media("media-2", b"own"),
        Media("m", b"stored", "1"),
        Media("media-4", b"fetched", "0-5,10"),
    )


async def test_only_a_few_are_fetched_at_once() -> None:
    built = await built_with()
    built.urls.held = asyncio.Event()
    waiting = asyncio.create_task(gathered(built, *[UrlReference(URL)] * (FETCHES_PER_CALL + 3)))
    await built.urls.begun(FETCHES_PER_CALL)
    built.urls.held.set()
    assert len(await waiting) == FETCHES_PER_CALL + 3
    assert built.urls.most_at_once == FETCHES_PER_CALL


async def test_where_one_fails_the_others_are_given_up_and_the_call_with_them() -> None:
    built = await built_with()
    built.urls.held = asyncio.Event()
    failure = await refused(built, UrlReference(URL), FileReference("never"))
    assert (type(failure), failure.field) == (FileNotFound, "media[1]")
    assert built.urls.at_once == 0


async def test_a_url_gets_no_more_time_than_the_call_has() -> None:
    built = await built_with()
    await gathered(built, UrlReference(URL), timeout=2.0)
    await gathered(built, UrlReference(URL), timeout=500.0)
    assert [seconds for _, _, seconds in built.urls.asked] == [2.0, URL_TIMEOUT]


@pytest.mark.parametrize(("most", "fits"), [(9, False), (10, True), (11, True)])
async def test_what_a_call_names_is_bounded_together(most: int, fits: bool) -> None:
    built = await built_with(max_body_bytes=most)
    media = (FileReference("f"), StoredReference("m"))
    if fits:
        assert len(await gathered(built, *media, execution_id="mine")) == 2
    else:
        failure = await refused(built, *media, execution_id="mine")
        assert (type(failure), failure.field) == (TooLarge, "media[1]")


async def test_a_url_may_have_what_is_left() -> None:
    built = await built_with(max_body_bytes=20)
    await gathered(built, *[UrlReference(URL)] * 2)
    assert built.urls.asked[0][1] == 20


@pytest.mark.parametrize("failure", [UrlForbidden("No."), UrlFailed("Gone.")])
async def test_a_url_that_cannot_be_had_is_named_by_its_place(failure: GatewayError) -> None:
    built = await built_with()
    built.urls.kept[URL] = failure
    found = await refused(built, FileReference("f"), UrlReference(URL))
    assert (type(found), found.field) == (type(failure), "media[1]")


async def test_a_url_is_refused_at_once_where_none_is_allowed() -> None:
    built = await built_with(fetches=False)
    found = await refused(built, FileReference("f"), UrlReference(URL))
    assert (type(found), found.field) == (UrlForbidden, "media[1]")
    assert "media_urls" in found.message


async def test_a_stored_media_belongs_to_the_execution_of_the_call() -> None:
    built = await built_with()
    await built.executions.create(ANYONE, "other", None, None)
    nameless = await refused(built, StoredReference("m"))
    assert (type(nameless), nameless.field) == (InvalidInput, "media[0]")
    foreign = await refused(built, StoredReference("m"), execution_id="other")
    assert (type(foreign), foreign.field) == (MediaNotFound, "media[0]")
    assert type(await refused(built, StoredReference("m"), execution_id="never")) is ExecutionNotFound


async def test_what_another_owner_has_is_not_there() -> None:
    built = await built_with()
    stranger = Caller(owner="mine", scopes=frozenset((Scope.RUN,)))
    for media, error in ((FileReference("f"), FileNotFound), (StoredReference("m"), ExecutionNotFound)):
        execution = None if isinstance(media, FileReference) else "mine"
        with pytest.raises(error):
            await built.runs.execute_sync(stranger, naming(media, execution_id=execution))
    theirs = Caller(owner="theirs", scopes=frozenset((Scope.RUN,)))
    assert (await built.runs.execute_sync(theirs, naming(FileReference("f")))).run_id


async def test_a_store_that_is_away_is_no_fault_of_the_media() -> None:
    built = await built_with()
    built.blobs.failure = StorageUnavailable()
    found = await refused(built, StoredReference("m"), execution_id="mine")
    assert (type(found), found.field) == (StorageUnavailable, None)


async def test_a_call_that_cannot_be_gathered_leaves_nothing() -> None:
    built = await built_with()
    for ask in (built.runs.execute_sync, built.runs.execute_async):
        with pytest.raises(FileNotFound):
            await ask(ANYONE, naming(FileReference("never"), key="k"))
    assert (built.records.finished, built.records.accepted, built.records.keys) == ([], [], {})
    assert (built.engine.asked, list(built.blobs.kept)) == ([], ["blob"])


async def test_nothing_is_fetched_for_a_call_that_is_refused_anyway() -> None:
    built = await built_with()
    for wrong in ({"inputs": {"NEVER": 1}}, {"pipeline_id": "never"}, {"hook_ids": ("never",)}, {"media_ids": ("m",)}):
        with pytest.raises(GatewayError):
            await built.runs.execute_sync(ANYONE, naming(UrlReference(URL), **wrong))
    assert built.urls.asked == []


async def test_what_a_run_in_the_background_names_is_staged_like_what_others_bring() -> None:
    built = await built_with()
    asked = naming(UrlReference(URL, "0-1"), StoredReference("m"), execution_id="mine", image_conversion=True)
    await built.runs.execute_async(ANYONE, asked)
    (accepted,) = built.records.accepted
    first, second = accepted.request.media
    assert (first.media_id, first.pages, second.media_id) == ("media-1", "0-1", "m")
    assert [built.blobs.kept[each] for each in accepted.request.staged] == [b"fetched", b"stored"]
    assert b"secret" not in msgspec.json.encode(accepted.request)
    assert await built.staging.fetched(accepted.request) == (
        Media("media-1", b"fetched", "0-1"),
        Media("m", b"stored"),
    )


async def test_a_repeat_is_known_by_what_it_names_whatever_stands_there_now() -> None:
    built = await built_with()
    first = await built.runs.execute_sync(ANYONE, naming(UrlReference(URL), key="k"))
    built.urls.kept[URL] = b"another"
    again = await built.runs.execute_sync(ANYONE, naming(UrlReference(URL), key="k"))
    assert (again.replayed, again.run_id, len(built.urls.asked)) == (True, first.run_id, 1)
    with pytest.raises(KeyReused):
        await built.runs.execute_sync(ANYONE, naming(FileReference("f"), key="k"))
