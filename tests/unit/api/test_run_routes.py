import asyncio

import httpx
import msgspec
import pytest

from gateway.api.rest.app import rest_app
from gateway.api.rest.etags import etag, named
from gateway.api.rest.event_stream import event_stream, last_event_id
from gateway.api.rest.runs import wait_seconds
from gateway.domain.access import ANYONE
from gateway.domain.runs import RunState
from gateway.errors import InvalidInput, StorageUnavailable
from gateway.ports import DueRun
from unit.fakes import RUN_ID, START, Gateway, finished_run, gateway

PATH = f"/v1/runs/{RUN_ID}"


async def with_run(state: RunState = RunState.RUNNING) -> Gateway:
    """A gateway with one run in this state."""
    built = await gateway()
    built.records.write(finished_run())
    at = None if not state.ended else START
    built.records.runs[RUN_ID] = msgspec.structs.replace(finished_run().run, state=state, completed_at=at)
    return built


def client(built: Gateway) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(rest_app(built.services), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


@pytest.mark.parametrize(("given", "seconds"), [(None, 0), ("30", 30), ("30s", 30), ("0.5s", 0.5), ("60", 60)])
def test_a_wait_is_seconds_with_or_without_their_sign(given: str | None, seconds: float) -> None:
    assert wait_seconds(given) == seconds


@pytest.mark.parametrize("given", ["", "s", "-1", "61s", "1m", "1e1", "nan", "٣", "1s\n"])
def test_any_other_wait_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        wait_seconds(given)


def test_a_tag_is_known_again_alone_in_a_list_and_weakened() -> None:
    tag = etag(b"a")
    assert tag != etag(b"b")
    assert all(named(each, tag) for each in (tag, f'"x", {tag}', f"W/{tag}", "*"))
    assert not any(named(each, tag) for each in (None, "", '"x"', tag.strip('"')))


@pytest.mark.parametrize("given", ["", "x", "-1", "1.0", "9" * 40, "²"])
def test_what_is_no_number_of_an_event_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        last_event_id(given)
    assert (last_event_id(None), last_event_id("7")) == (None, 7)


async def test_a_run_that_goes_on_says_when_to_look_again() -> None:
    async with client(await with_run()) as door:
        assert (await door.get(PATH)).headers["retry-after"] == "1"
    async with client(await with_run(RunState.FAILED)) as door:
        ended = await door.get(PATH, params={"wait": "60"})
    assert "retry-after" not in ended.headers
    assert ended.headers["etag"] == etag(ended.content)


async def test_a_call_that_goes_on_tells_its_own_address_when_it_has_ended() -> None:
    built = await gateway()
    asked = {"media": ["aGVsbG8="], "onTimeout": "continue", "timeout": 0.001, "webhookUrl": "https://one.example/"}
    async with client(built) as door:
        late = await door.post("/v1/pipelines/ocr/executeSync", json=asked)
    assert (late.status_code, built.courier.admitted) == (504, ["https://one.example/"])
    await built.worker.take_up(DueRun(late.json()["runId"], "ocr"))
    (told,) = built.records.deliveries.values()
    assert (told.url, told.event.run_id, told.event.status) == (
        "https://one.example/",
        late.json()["runId"],
        "COMPLETED",
    )


async def test_a_run_that_has_ended_is_not_waited_for_though_it_is_known() -> None:
    async with client(await with_run(RunState.COMPLETED)) as door:
        tag = (await door.get(PATH)).headers["etag"]
        again = await door.get(PATH, params={"wait": "60"}, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_stream_begins_with_a_sign_of_life_and_ends_with_the_run() -> None:
    async with client(await with_run(RunState.COMPLETED)) as door:
        stream = await door.get(f"{PATH}/events")
        run = await door.get(PATH)
    begin, *events, rest = stream.text.split("\n\n")
    assert begin == ": \nretry: 1000"
    assert [each.splitlines()[:2] for each in events] == [
        ["id: 1", "event: queued"],
        ["id: 2", "event: running"],
        ["id: 3", "event: completed"],
    ]
    assert events[-1].splitlines()[2] == f"data: {run.text}"
    assert rest == ""


async def test_a_stream_says_why_it_cannot_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    built = await with_run(RunState.COMPLETED)

    async def fail(*_: object) -> None:
        raise StorageUnavailable

    run = await built.runs.get(ANYONE, RUN_ID)
    monkeypatch.setattr(built.runs, "get", fail)
    *_, last = [piece async for piece in event_stream(built.runs, ANYONE, run, 2, "req-1")]
    assert last.startswith(b'event: error\ndata: {"title":"Service Unavailable"')
    assert b'"request_id":"req-1"' in last


async def test_a_stream_shows_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.rest.event_stream.HEARTBEAT", 0.001)
    built = await with_run()
    stream = event_stream(built.runs, ANYONE, await built.runs.get(ANYONE, RUN_ID), 2, "req-1")
    assert [await anext(stream), await anext(stream)] == [b": \nretry: 1000\n\n", b": \n\n"]
    built.runs.let_go()
    assert [piece async for piece in stream] == []
    await built.runs.close()


async def test_a_long_poll_whose_caller_leaves_frees_its_place() -> None:
    built = await with_run()
    app = rest_app(built.services)
    left = asyncio.Event()

    async def receive() -> dict[str, object]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        """Nobody is there."""

    scope = {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"wait=60",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("gateway", 80),
        "client": None,
        "root_path": "",
    }
    answering = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    while not built.following._followers:
        await asyncio.sleep(0)
    left.set()
    await answering
    assert built.following._followers == {}
    await built.runs.close()
