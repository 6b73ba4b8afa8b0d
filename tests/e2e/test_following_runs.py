"""Runs are waited for, followed and canceled over REST, by whoever knows their names."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from e2e.held import Held, accepted, encoded, refused, waiting_long
from e2e.served import Served, serving, until


def events(client: httpx.Client, run_id: str, after: int | None = None) -> list[tuple[str, dict[str, object]]]:
    """Each event that a stream brings until it ends: its kind and its data."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", f"/v1/runs/{run_id}/events", headers=headers) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert (stream.headers["cache-control"], stream.headers["x-accel-buffering"]) == ("no-cache", "no")
        whole = stream.read().decode()
    assert whole.startswith(": \nretry: 1000\n\n")
    found = []
    for block in whole.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((f"{fields['id']} {fields['event']}", json.loads(fields["data"])))
    return found


def test_a_run_has_a_tag_by_which_it_is_known_again(small_rest: httpx.Client) -> None:
    path = f"/v1/runs/{waiting_long(small_rest)}"
    first = small_rest.get(path)
    assert first.headers["retry-after"] == "1"
    known = small_rest.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", first.headers["etag"])
    assert small_rest.get(path, headers={"If-None-Match": '"other"'}).json() == first.json()
    small_rest.post(f"{path}/cancel")
    ended = small_rest.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (ended.status_code, ended.json()["state"]) == (200, "canceled")
    assert "retry-after" not in ended.headers


def test_a_long_poll_ends_with_any_change_or_with_its_time(small_rest: httpx.Client, new_folder: Path) -> None:
    held = Held(new_folder)
    path = f"/v1/runs/{accepted(small_rest, 'hold', held.media)['runId']}"
    held.begun()
    until(lambda: small_rest.get(path).json()["state"] == "running", 20)
    running = small_rest.get(path)
    over = small_rest.get(path, params={"wait": "0.2s"}, headers={"If-None-Match": running.headers["etag"]})
    assert (over.status_code, over.headers["retry-after"]) == (304, "1")
    still = small_rest.get(path, params={"wait": "0.2"})
    assert (still.status_code, still.json()) == (200, running.json())
    with ThreadPoolExecutor(2) as pool:
        change = pool.submit(
            small_rest.get, path, params={"wait": "50s"}, headers={"If-None-Match": running.headers["etag"]}
        )
        end = pool.submit(small_rest.get, path, params={"wait": "50"})
        held.let_go()
        for reply in (change.result(), end.result()):
            assert (reply.status_code, reply.json()["state"], reply.json()["done"]) == (200, "completed", True)


@pytest.mark.parametrize("wait", ["-1", "61", "1e1", "soon", "", "5m"])
def test_a_wait_that_is_none_is_refused(small_rest: httpx.Client, wait: str) -> None:
    reply = small_rest.get(f"/v1/runs/{uuid4()}", params={"wait": wait})
    refused(reply, 422, "input.invalid")
    assert reply.json()["field"] == "wait"
    refused(small_rest.get(f"/v1/runs/{uuid4()}", params={"wait": "1"}), 404, "run.not_found")


def test_the_events_of_a_run_come_from_the_first_to_the_end_which_is_the_run(small_rest: httpx.Client) -> None:
    run_id = accepted(small_rest, "say", encoded("a"))["runId"]
    told = events(small_rest, run_id)
    assert [name for name, _ in told] == ["1 queued", "2 running", "3 completed"]
    assert [each["runId"] for _, each in told] == [run_id] * 3
    assert [each.get("sequence") for _, each in told] == [1, 2, None]
    assert told[-1][1] == small_rest.get(f"/v1/runs/{run_id}").json()
    assert [name for name, _ in events(small_rest, run_id, after=2)] == ["3 completed"]
    assert small_rest.get(f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": "3"}).status_code == 204
    assert small_rest.get(f"/v1/runs/{run_id}/events", params={"after": 3}).status_code == 204


@pytest.mark.parametrize("last", ["4", "x", "-1", "9" * 30])
def test_an_event_that_there_is_not_cannot_be_resumed_from(small_rest: httpx.Client, last: str) -> None:
    run_id = accepted(small_rest, "say", encoded("a"))["runId"]
    small_rest.get(f"/v1/runs/{run_id}", params={"wait": "50"})
    reply = small_rest.get(f"/v1/runs/{run_id}/events", headers={"Last-Event-ID": last})
    refused(reply, 422, "input.invalid")
    assert reply.json()["field"] == "Last-Event-ID"


def test_a_stream_tells_why_it_ends_when_its_run_is_removed(small_rest: httpx.Client) -> None:
    run_id = waiting_long(small_rest)
    execution_id = small_rest.get(f"/v1/runs/{run_id}").json()["executionId"]
    with small_rest.stream("GET", f"/v1/runs/{run_id}/events") as stream:
        lines = stream.iter_lines()
        assert "event: queued" in (next(lines) for _ in range(8))
        assert small_rest.delete(f"/v1/executions/{execution_id}").status_code == 204
        rest = list(lines)
    assert "event: error" in rest
    assert any('"code":"run.not_found"' in line for line in rest)


def test_events_are_resumed_across_a_restart(new_folder: Path, small_models: Path) -> None:
    data_dir, models = new_folder / "data", ("--model-repository", str(small_models))
    seen: list[str] = []
    with serving(data_dir, *models, "--no-worker") as served, served.client() as client:
        run_id = accepted(client, "say", encoded("later"))["runId"]
        begun = threading.Event()

        def follow() -> None:
            with client.stream("GET", f"/v1/runs/{run_id}/events") as stream:
                for line in stream.iter_lines():
                    seen.append(line)
                    begun.set()

        following = threading.Thread(target=follow)
        following.start()
        assert begun.wait(20)
        served.process.terminate()
        # The stream ends at once, so that whoever follows can go elsewhere.
        following.join(15)
        assert not following.is_alive()
    assert "event: queued" in seen
    with serving(data_dir, *models) as served, served.client() as client:
        assert [name for name, _ in events(client, run_id, after=1)] == ["2 running", "3 completed"]


def test_a_run_that_waits_is_canceled_at_once(small_rest: httpx.Client) -> None:
    path = f"/v1/runs/{waiting_long(small_rest)}"
    shown = small_rest.get(path).json()
    assert (shown["state"], shown["done"], shown["attempts"]) == ("queued", False, [])
    first, second = small_rest.post(shown["urls"]["cancel"]), small_rest.post(f"{path}/cancel")
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == second.json() == small_rest.get(path).json()
    canceled = first.json()
    assert (canceled["state"], canceled["done"], canceled["error"]["code"]) == ("canceled", True, "run.canceled")
    assert canceled["cancelRequestedAt"] <= canceled["completedAt"]


def test_a_run_that_is_worked_on_is_canceled_soon(small_rest: httpx.Client, new_folder: Path) -> None:
    held = Held(new_folder)
    path = f"/v1/runs/{accepted(small_rest, 'hold', held.media)['runId']}"
    held.begun()
    try:
        assert small_rest.post(f"{path}/cancel").status_code == 202
        ended = small_rest.get(path, params={"wait": "50"}).json()
    finally:
        held.let_go()
    assert (ended["state"], ended["error"]["code"]) == ("canceled", "run.canceled")
    assert small_rest.post(f"{path}/cancel").status_code == 200


def test_a_run_that_has_ended_or_that_there_is_not_cannot_be_canceled(small_rest: httpx.Client) -> None:
    run_id = accepted(small_rest, "say", encoded("a"))["runId"]
    small_rest.get(f"/v1/runs/{run_id}", params={"wait": "50"})
    refused(small_rest.post(f"/v1/runs/{run_id}/cancel"), 409, "run.finished")
    refused(small_rest.post(f"/v1/runs/{uuid4()}/cancel"), 404, "run.not_found")
    refused(small_rest.post("/v1/runs/none/cancel"), 404, "run.not_found")


def test_the_run_of_more_weight_goes_before_others(new_folder: Path, small_models: Path) -> None:
    flags = ("--model-repository", str(small_models), "--worker-runs", "1")
    with serving(new_folder / "data", *flags) as served, served.client() as client:
        held = Held(new_folder)
        accepted(client, "hold", held.media)
        held.begun()
        order = ["low"] * 6 + ["high"]
        names = [accepted(client, "say", encoded(each), priority=each)["runId"] for each in order]
        held.let_go()
        runs = [client.get(f"/v1/runs/{name}", params={"wait": "50"}).json() for name in names]
    assert [run["priority"] for run in runs] == order
    # The worker may have taken up to two of the others already when it came.
    *others, urgent = [run["startedAt"] for run in runs]
    assert sum(urgent < each for each in others) >= 4


def test_who_leaves_a_stream_or_a_long_poll_cancels_nothing(small: Served, new_folder: Path) -> None:
    held = Held(new_folder)
    with small.client() as client:
        run_id = accepted(client, "hold", held.media)["runId"]
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"/v1/runs/{run_id}", params={"wait": "50"}, timeout=0.5)
        with client.stream("GET", f"/v1/runs/{run_id}/events"):
            pass
        held.let_go()
        assert client.get(f"/v1/runs/{run_id}", params={"wait": "50"}).json()["state"] == "completed"
