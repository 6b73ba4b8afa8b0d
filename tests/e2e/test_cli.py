"""The commands as a user runs them: processes of their own, on a pipe and on a terminal, against the real gateway."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.served import PROGRAM, Served, serving, until
from gateway.adapters.supervisor.stack import Endpoints
from places import DOCUMENTS, ROOT

RECEIPT = DOCUMENTS / "receipt.jpg"


def run(gateway: Served | None, *arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command that talks to this gateway."""
    environment = dict(os.environ) | ({} if gateway is None else {"GATEWAY_URL": gateway.rest})
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, input=stdin)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def on_terminal(gateway: Served, *arguments: object) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command whose three standard streams are a terminal, and our end of it."""
    ours, theirs = pty.openpty()
    environment = dict(os.environ) | {"GATEWAY_URL": gateway.rest, "TERM": "xterm", "COLUMNS": "200"}
    command = [PROGRAM, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT)
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait(20)
        os.close(ours)


def screen(end: int) -> str:
    """All that the command writes until it ends."""
    said = b""
    while True:
        try:
            piece = os.read(end, 65536)
        except OSError:
            return said.decode()
        said += piece


@pytest.fixture(scope="module")
def execution(gateway: Served) -> str:
    """An execution with what image_stats found in the receipt."""
    done = run(gateway, "pipeline", "run", "image_stats", RECEIPT, "--tag", "of-the-cli", "--meta", '{"n": 1}')
    return str(lines(done)[0]["executionId"])


def test_pipelines_are_listed_and_shown(gateway: Served) -> None:
    assert {row["pipelineId"] for row in lines(run(gateway, "pipeline", "list"))} == {
        "image_stats",
        "image_thumbnail",
        "ocr",
    }
    shown = lines(run(gateway, "pipeline", "show", "ocr"))[0]
    assert shown["pipelineDefinition"]


def test_a_folder_becomes_json_lines_and_what_is_no_image_its_error(gateway: Served, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    done = run(gateway, "pipeline", "run", "image_stats", "--dir", DOCUMENTS, tmp_path / "notes.txt")
    by_file = {Path(str(line["file"])).name: line for line in lines(done)}
    assert (done.returncode, done.stderr) == (1, "")
    assert set(by_file) == {"blank.png", "invoice.png", "receipt.jpg", "notes.txt"}
    assert set(by_file["receipt.jpg"]) == {"file", "executionId", "runId", "observation"}
    assert set(by_file["notes.txt"]) == {"file", "error"}


def test_async_and_wait_finds_the_same_as_a_call_that_waits(gateway: Served) -> None:
    def colours(*flags: str) -> object:
        line = lines(run(gateway, "pipeline", "run", "image_stats", RECEIPT, *flags))[0]
        return [entry["colour"] for entry in line["observation"]["mediaContents"]]  # type: ignore[index, call-overload]

    assert colours() == colours("--async", "--wait")


def test_async_gives_ids_that_run_show_knows(gateway: Served) -> None:
    line = lines(run(gateway, "pipeline", "run", "image_stats", RECEIPT, "--async"))[0]
    assert set(line) == {"file", "executionId", "runId"}
    assert lines(run(gateway, "run", "show", line["runId"]))[0]["executionId"] == line["executionId"]


def test_further_calls_append_and_idempotent_ones_replace(gateway: Served) -> None:
    first = lines(run(gateway, "pipeline", "run", "image_stats", RECEIPT))[0]["executionId"]

    def entries(*flags: str) -> int:
        run(gateway, "pipeline", "run", "image_stats", RECEIPT, "--execution", first, *flags)
        return len(lines(run(gateway, "observation", "show", first))[0]["mediaContents"])  # type: ignore[arg-type]

    assert [entries(), entries("--async", "--wait"), entries("--idempotent")] == [2, 3, 1]
    assert len(lines(run(gateway, "run", "list", first))) == 4


def test_records_are_listed_shown_transformed_and_removed(gateway: Served, execution: str) -> None:
    assert [row["executionId"] for row in lines(run(gateway, "execution", "list", "--tag", "of-the-cli"))] == [
        execution
    ]
    assert lines(run(gateway, "execution", "show", execution))[0]["metaData"] == {"n": 1}
    expression = "mediaContents.metaData.(width * height)"
    assert run(gateway, "observation", "transform", execution, expression).stdout == "307200\n"
    assert run(gateway, "observation", "transform", execution, "-", stdin=expression).stdout == "307200\n"
    gone = run(gateway, "execution", "delete", execution, "absent")
    assert (gone.returncode, gone.stderr.count("absent")) == (1, 1)
    shown = run(gateway, "execution", "show", execution)
    assert (shown.returncode, shown.stderr) == (1, "Error: There is no execution with this ID.\n")


def test_a_transform_of_a_call_is_printed_in_its_place(gateway: Served) -> None:
    done = run(gateway, "pipeline", "run", "image_stats", RECEIPT, "--transform", "mediaContents.metaData.width")
    assert lines(done)[0]["transformed"] == 640
    wrong = run(gateway, "pipeline", "run", "image_stats", RECEIPT, "--transform", "(")
    assert (wrong.returncode, set(lines(wrong)[0])) == (1, {"file", "error"})


def test_on_a_terminal_there_is_a_progress_bar_and_the_text_that_was_read(gateway: Served) -> None:
    with on_terminal(gateway, "pipeline", "run", "ocr", RECEIPT) as (process, end):
        said = screen(end)
        assert process.wait(60) == 0
    assert "1/1" in said
    assert "CAFE ALMENRAUSCH" in said
    assert '"observation"' not in said


def test_the_lines_go_to_the_pipe_even_where_the_progress_bar_is_on_a_terminal(gateway: Served) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "pipeline", "run", "image_stats", RECEIPT, "--url", gateway.rest],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=dict(os.environ) | {"TERM": "xterm"},
    )
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    assert set(json.loads(out)) == {"file", "executionId", "runId", "observation"}
    assert "1/1" in screen(ours)
    os.close(ours)


def test_on_a_terminal_removing_is_asked_for_first(gateway: Served) -> None:
    made = lines(run(gateway, "pipeline", "run", "image_stats", RECEIPT))[0]["executionId"]
    with on_terminal(gateway, "execution", "delete", made) as (process, end):
        os.write(end, b"n\n")
        assert process.wait(60) == 1
    assert run(gateway, "execution", "show", made).returncode == 0


@pytest.mark.parametrize("flags", [[], ["--async", "--wait"]])
def test_ctrl_c_ends_a_batch_at_once_with_130(gateway: Served, tmp_path: Path, flags: list[str]) -> None:
    for index in range(200):
        (tmp_path / f"{index}.jpg").symlink_to(RECEIPT)
    with on_terminal(gateway, "pipeline", "run", "ocr", "--dir", tmp_path, *flags) as (process, end):
        said = b""
        while b"CAFE" not in said:
            said += os.read(end, 65536)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        rest = screen(end)
        assert process.wait(60) == 130
    assert "Traceback" not in rest
    assert time.monotonic() - began < 60
    until(lambda: run(gateway, "pipeline", "run", "image_stats", RECEIPT).returncode == 0, 120)


def test_check_names_the_gateway_that_holds_the_data_directory(gateway: Served, new_folder: Path) -> None:
    ports = ("--rest-port", 0, "--grpc-port", 0)
    held = run(None, "check", "--data-dir", gateway.data_dir, *ports)
    checks = {row["name"]: row for row in json.loads(held.stdout)["checks"]}
    assert (held.returncode, checks["data directory"]["ok"]) == (1, False)
    assert str(gateway.process.pid) in checks["data directory"]["problem"]
    assert run(None, "check", "--data-dir", new_folder / "data", *ports).returncode == 0


def test_migrate_works_beside_a_running_gateway_and_on_an_outside_database(gateway: Served, database_url: str) -> None:
    for flags in (["--data-dir", gateway.data_dir], ["--database-url", database_url]):
        done = run(None, "migrate", *flags)
        assert (done.returncode, done.stderr) == (0, "gateway: the schema is up to date\n")


def test_migrate_works_at_once_from_two_processes_where_nothing_runs(new_folder: Path) -> None:
    command = [PROGRAM, "migrate", "--data-dir", new_folder / "data"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=120)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert "Traceback" not in "".join(said)


def test_a_worker_of_its_own_takes_up_what_a_gateway_accepted(
    stack: Endpoints, database_url: str, new_folder: Path
) -> None:
    outside = ["--database-url", database_url, "--triton-url", f"grpc://{stack.triton_grpc}"]
    shared = [*outside, "--blob-url", (new_folder / "blobs").as_uri()]
    with serving(new_folder / "data", "--no-worker", *shared) as served:
        accepted = lines(run(served, "pipeline", "run", "image_stats", RECEIPT, "--async"))[0]["runId"]
        worker = subprocess.Popen([PROGRAM, "worker", *shared], stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: lines(run(served, "run", "show", accepted))[0]["state"] == "completed", 60)
        finally:
            worker.terminate()
            said = worker.communicate(timeout=60)[1]
    assert worker.returncode == 0
    assert "ready: a worker" in said


def test_a_worker_without_its_servers_is_refused_with_a_sentence() -> None:
    done = run(None, "worker")
    assert done.returncode == 1
    assert done.stderr.endswith("name --database-url and --triton-url.\n")
