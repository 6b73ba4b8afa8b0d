"""`GET /metrics` after calls over both doors: of one process, of several, and of several of which one is killed."""

import base64
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.served import PROGRAM, Served, serving, start, until
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

SAY = {"media": [base64.b64encode(b"hello").decode()]}
EXECUTE = "POST /v1/pipelines/{pipeline_id}/executeSync"
GRPC_EXECUTE = "gateway.v1.Pipelines/ExecuteSync"


class Page:
    """One scrape."""

    def __init__(self, text: str):
        families = list(text_string_to_metric_families(text))
        self.samples = [each for family in families for each in family.samples]
        self.counters = {
            (each.name, *sorted(each.labels.items())): each.value
            for family in families
            for each in family.samples
            if family.type in {"counter", "histogram"} and "_process_" not in each.name
        }

    def number(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels."""
        return sum(each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items())


def scrape(served: Served) -> Page:
    """One page, over a connection of its own: whichever process takes it."""
    reply = httpx.get(f"{served.rest}/metrics", timeout=10)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Page(reply.text)


def call_rest(served: Served) -> int:
    """The status of one call, over a connection of its own."""
    return httpx.post(f"{served.rest}/v1/pipelines/say/executeSync", json=SAY, timeout=30).status_code


def call_grpc(served: Served) -> str:
    """The run of one call, over a channel of its own."""
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=b"hello")])
    # Channels to one address share their connection, and thereby the process that answers, unless told otherwise.
    alone = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(served.target, options=alone) as channel:
        run_id: str = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request, timeout=30).run_id
    return run_id


def test_calls_over_both_doors_are_counted(small: Served) -> None:
    before = scrape(small)
    assert [call_rest(small) for _ in range(3)] == [200] * 3
    assert all(call_grpc(small) for _ in range(2))
    refused = httpx.post(f"{small.rest}/v1/pipelines/unheard-of/executeSync", json=SAY)
    after = scrape(small)

    def more(name: str, **labels: str) -> float:
        return after.number(name, **labels) - before.number(name, **labels)

    assert refused.status_code == 404
    assert more("gateway_requests_total", door="rest", method=EXECUTE, code="200") == 3
    assert more("gateway_requests_total", door="rest", method=EXECUTE, code="404") == 1
    assert more("gateway_requests_total", door="grpc", method=GRPC_EXECUTE, code="OK") == 2
    assert more("gateway_request_seconds_count", door="rest", method=EXECUTE) == 4
    assert more("gateway_runs_total", pipeline="say", state="completed") == 5
    assert more("gateway_run_seconds_count", pipeline="say") == 5
    assert more("gateway_part_seconds_count", part="decode") == 6
    assert [more("gateway_part_seconds_count", part=part) for part in ("queue", "triton", "commit")] == [5, 5, 5]
    assert (after.number("gateway_calls_in_hand"), after.number("gateway_inferences_in_hand")) == (0, 0)
    assert "unheard-of" not in str(after.samples)


def test_a_run_in_the_background_is_seen_from_the_queue_to_its_end(small: Served, tmp_path: Path) -> None:
    before, ended = scrape(small), {"pipeline": "hold", "state": "completed"}
    held = tmp_path / "held"
    body = {"media": [base64.b64encode(str(held).encode()).decode()]}
    assert httpx.post(f"{small.rest}/v1/pipelines/hold/executeAsync", json=body).status_code == 202
    until(held.with_suffix(".begun").exists)
    until(lambda: scrape(small).number("gateway_running_runs") == 1)
    page = scrape(small)
    assert page.number("gateway_queued_runs") == 0
    assert page.number("gateway_inferences_in_hand") == 1
    assert page.number("gateway_run_wait_seconds_count") == before.number("gateway_run_wait_seconds_count") + 1
    held.with_suffix(".go").touch()
    until(
        lambda: scrape(small).number("gateway_runs_total", **ended) == before.number("gateway_runs_total", **ended) + 1
    )
    until(lambda: scrape(small).number("gateway_running_runs") == 0)


def serving_processes(served: Served) -> list[psutil.Process]:
    """The processes that serve, by their place."""
    children = psutil.Process(served.process.pid).children()
    return [each for each in children if "gateway.cli.serving" in " ".join(each.cmdline())]


@pytest.fixture
def pair(new_folder: Path, small_models: Path) -> Iterator[Served]:
    """A gateway of two processes."""
    with serving(new_folder / "data", "--model-repository", str(small_models), "--workers", "2") as served:
        until(lambda: "ready: REST on" in served.said.read_text())
        yield served


def answered_by_each(served: Served, call: Callable[[], object]) -> int:
    """Call until both processes have answered, as their CPU tells; how many calls there were."""
    processes, calls = serving_processes(served), 0
    assert len(processes) == 2
    begun = [sum(each.cpu_times()[:2]) for each in processes]
    while any(sum(each.cpu_times()[:2]) - had < 0.05 for each, had in zip(processes, begun, strict=True)):
        call()
        calls += 1
        assert calls < 1000
    return calls


def test_of_two_processes_any_answers_for_both_and_a_killed_one_comes_back(pair: Served) -> None:
    rest = answered_by_each(pair, lambda: call_rest(pair))
    over_grpc = answered_by_each(pair, lambda: call_grpc(pair))
    pages = [scrape(pair) for _ in range(12)]
    for page in pages:
        assert page.number("gateway_requests_total", door="rest", method=EXECUTE, code="200") == rest
        assert page.number("gateway_requests_total", door="grpc", method=GRPC_EXECUTE, code="OK") == over_grpc
        assert page.number("gateway_runs_total", pipeline="say", state="completed") == rest + over_grpc
        assert len([each for each in page.samples if each.name == "gateway_process_open_fds"]) == 3

    victim = serving_processes(pair)[0]
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: scraped(pair, lambda page: page.number("gateway_restarts_total", child="gateway") == 1))
    assert victim.pid not in {each.pid for each in serving_processes(pair)}
    now = scrape(pair)
    assert {key: value for key, value in pages[-1].counters.items() if now.counters.get(key, 0) < value} == {}
    more = answered_by_each(pair, lambda: call_rest(pair))
    assert {
        scrape(pair).number("gateway_requests_total", door="rest", method=EXECUTE, code="200") for _ in range(8)
    } == {rest + more}


def scraped(served: Served, holds: Callable[[Page], bool]) -> bool:
    """Whether a scrape says so; False where the process that took it was just killed."""
    try:
        return holds(scrape(served))
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_the_parent_ends_no_process_stays(pair: Served, number: signal.Signals) -> None:
    family = psutil.Process(pair.process.pid).children(recursive=True)
    pair.process.send_signal(number)
    code = pair.process.wait(60)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    if number is signal.SIGTERM:
        assert code == 0
        assert not list((pair.data_dir / "metrics").iterdir())


def test_a_call_in_hand_is_answered_by_its_process_when_all_stop(pair: Served, tmp_path: Path) -> None:
    held = tmp_path / "held"
    body = {"media": [base64.b64encode(str(held).encode()).decode()]}
    url = f"{pair.rest}/v1/pipelines/hold/executeSync"
    script = f"import httpx, sys; sys.exit(httpx.post({url!r}, json={body!r}, timeout=60).status_code != 200)"
    with psutil.Popen([PROGRAM.with_name("python"), "-c", script]) as caller:
        until(held.with_suffix(".begun").exists)
        pair.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in pair.said.read_text())
        held.with_suffix(".go").touch()
        assert caller.wait(60) == 0
    assert pair.process.wait(60) == 0


def test_processes_that_cannot_start_end_it_with_one_sentence(new_folder: Path) -> None:
    served = start(
        new_folder / "data",
        *("--workers", "2", "--triton-url", "grpc://127.0.0.1:1", "--database-url", "postgresql://x@127.0.0.1:1/x"),
    )
    assert served.process.wait(60) == 1
    assert "--database-url" in served.said.read_text()
    assert "Traceback" not in served.said.read_text()
