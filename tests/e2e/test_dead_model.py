"""The process of a model is killed under a running gateway: the next call heals it, over both doors."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from e2e.served import Served, serving, until
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc


@pytest.fixture(scope="module")
def served(short_folder: Path, small_models: Path) -> Iterator[Served]:
    """A gateway over small models, for tests that kill one."""
    with serving(short_folder / "dying", "--model-repository", str(small_models)) as served:
        yield served


def kill_model(served: Served, model: str) -> None:
    """Kill every process of a model."""
    family = psutil.Process(served.process.pid).children(recursive=True)
    stubs = [each for each in family if "stub" in each.name() and f"/{model}/" in " ".join(each.cmdline())]
    assert stubs
    for each in stubs:
        each.kill()


def over_rest(served: Served, text: str, pipeline: str = "say") -> str:
    """The text that comes back."""
    body = {"media": [base64.b64encode(text.encode()).decode()]}
    with served.client() as client:
        reply = client.post(f"/v1/pipelines/{pipeline}/executeSync", json=body)
    assert reply.status_code == 200, reply.text
    said: str = reply.json()["mediaContents"][0]["rawText"]
    return said


def over_grpc(served: Served, text: str) -> str:
    """The text that comes back."""
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=text.encode())])
    with served.channel() as channel:
        reply = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request, timeout=60)
    said: str = json.loads(reply.observation)["mediaContents"][0]["rawText"]
    return said


@pytest.mark.parametrize("ask", [over_rest, over_grpc])
def test_the_first_call_after_a_death_heals_the_model_and_is_answered(served: Served, ask: object) -> None:
    assert callable(ask)
    assert ask(served, "before") == "before"
    kill_model(served, "say_model")
    assert [ask(served, text) for text in ("first", "second", "third")] == ["first", "second", "third"]


def test_a_run_in_the_background_whose_model_dies_is_completed_with_one_entry(served: Served, new_folder: Path) -> None:
    new_folder.chmod(0o777)
    held = new_folder / "held"
    with served.client() as client:
        body = {"media": [base64.b64encode(str(held).encode()).decode()]}
        names = client.post("/v1/pipelines/hold/executeAsync", json=body).json()
        until(held.with_suffix(".begun").exists, 60)
        kill_model(served, "hold_model")
        held.with_suffix(".go").touch()
        until(lambda: client.get(f"/v1/runs/{names['runId']}").json()["state"] == "completed", 60)
        observation = client.get(f"/v1/executions/{names['executionId']}/observation").json()
    assert [entry["rawText"] for entry in observation["mediaContents"]] == ["held"]


def test_a_death_that_does_not_heal_within_the_deadline_says_when_to_come_again(served: Served) -> None:
    assert over_rest(served, "before") == "before"
    kill_model(served, "say_model")
    body = {"media": [base64.b64encode(b"late").decode()], "timeout": 1.5}
    with served.client() as client:
        reply = client.post("/v1/pipelines/say/executeSync", json=body)
        assert (reply.status_code, reply.json()["code"]) == (503, "pipeline.not_ready")
        assert int(reply.headers["retry-after"]) > 0
        until(lambda: client.post("/v1/pipelines/say/executeSync", json=body).status_code == 200, 60)
