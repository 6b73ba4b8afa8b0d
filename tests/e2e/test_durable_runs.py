"""Runs in the background outlive the process that accepted them, and the one that ran them."""

import base64
import signal
from pathlib import Path

import httpx

from e2e.served import Served, answers, exited, serving, start, until


def accepted(served: Served, pipeline: str, text: str) -> dict[str, str]:
    body = {"media": [base64.b64encode(text.encode()).decode()]}
    with served.client() as client:
        reply = client.post(f"/v1/pipelines/{pipeline}/executeAsync", json=body)
        assert reply.status_code == 202, reply.text
        names: dict[str, str] = reply.json()
        return names


def run_of(client: httpx.Client, run_id: str) -> dict[str, object]:
    run: dict[str, object] = client.get(f"/v1/runs/{run_id}").json()
    return run


def completed(client: httpx.Client, names: dict[str, str]) -> list[str]:
    """The texts that a run has found, once it has ended."""
    until(lambda: run_of(client, names["runId"])["state"] == "completed", 90)
    reply = client.get(f"/v1/executions/{names['executionId']}/observation")
    return [entry["rawText"] for entry in reply.json()["mediaContents"]]


def blobs(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "blobs").rglob("*") if path.is_file()]


def test_a_run_that_was_accepted_is_run_after_a_restart(new_folder: Path, small_models: Path) -> None:
    data_dir, models = new_folder / "data", ("--model-repository", str(small_models))
    with serving(data_dir, *models, "--no-worker") as served:
        names = accepted(served, "say", "later")
        with served.client() as client:
            assert run_of(client, names["runId"])["state"] == "queued"
    assert len(blobs(data_dir)) == 1
    with serving(data_dir, *models) as served, served.client() as client:
        assert completed(client, names) == ["later"]
        assert run_of(client, names["runId"])["attempt"] == 1
        until(lambda: blobs(data_dir) == [], 10)


def test_a_run_whose_gateway_is_killed_is_completed_exactly_once_after_a_restart(
    new_folder: Path, small_models: Path
) -> None:
    data_dir, models = new_folder / "data", ("--model-repository", str(small_models))
    path = new_folder / "held"
    new_folder.chmod(0o777)
    served = start(data_dir, *models)
    try:
        until(lambda: answers(served, "/ready") or exited(served))
        names = accepted(served, "hold", str(path))
        until(path.with_suffix(".begun").exists, 60)
    finally:
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(60)
    path.with_suffix(".go").touch()
    with serving(data_dir, *models) as served, served.client() as client:
        assert completed(client, names) == ["held"]
        assert run_of(client, names["runId"])["attempt"] == 2
        assert len(client.get(f"/v1/executions/{names['executionId']}/runs").json()) == 1
        until(lambda: blobs(data_dir) == [], 10)
    assert path.with_suffix(".begun").read_text() == "xx"


def test_a_gateway_that_is_stopped_hands_over_what_it_could_not_end(new_folder: Path, small_models: Path) -> None:
    """The run waits for anybody: nobody has to wait for a lease to end."""
    data_dir, models = new_folder / "data", ("--model-repository", str(small_models))
    path = new_folder / "held"
    new_folder.chmod(0o777)
    with serving(data_dir, *models, "--drain-timeout", "1") as served:
        names = accepted(served, "hold", str(path))
        until(path.with_suffix(".begun").exists, 60)
    with serving(data_dir, *models, "--no-worker") as served, served.client() as client:
        run = run_of(client, names["runId"])
        assert (run["state"], run["attempt"]) == ("queued", 1)
    assert len(blobs(data_dir)) == 1
