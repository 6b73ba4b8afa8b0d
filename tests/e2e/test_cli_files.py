"""`gateway file`, and the artifacts of `gateway execution`, as a user runs them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from e2e.served import PROGRAM, Served
from e2e.test_cli import RECEIPT, lines, on_terminal, run, screen


def fetched(gateway: Served, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    environment = dict(os.environ) | {"GATEWAY_URL": gateway.rest}
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=120, env=environment)


def test_a_file_is_put_in_listed_fetched_and_deleted(gateway: Served, tmp_path: Path) -> None:
    done = run(gateway, "file", "put", RECEIPT, "--purpose", "of-the-cli", "--expires-after", 3600)
    assert done.returncode == 0, done.stderr
    (stored,) = lines(done)
    assert (stored["filename"], stored["contentType"]) == (RECEIPT.name, "image/jpeg")
    assert lines(run(gateway, "file", "list", "--purpose", "of-the-cli")) == [stored]
    assert fetched(gateway, "file", "get", stored["fileId"]).stdout == RECEIPT.read_bytes()
    target = tmp_path / "back.jpg"
    assert run(gateway, "file", "get", stored["fileId"], "--to", target).returncode == 0
    assert target.read_bytes() == RECEIPT.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["back.jpg"]
    assert run(gateway, "file", "delete", stored["fileId"]).returncode == 0
    gone = run(gateway, "file", "get", stored["fileId"], "--to", target)
    assert (gone.returncode, "no file with this ID" in gone.stderr) == (1, True)
    assert target.read_bytes() == RECEIPT.read_bytes()
    assert run(gateway, "file", "delete", stored["fileId"]).returncode == 1


def test_what_cannot_be_put_in_is_said_and_the_rest_is_done(gateway: Served, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    done = run(gateway, "file", "put", tmp_path / "nothing", tmp_path / "empty", tmp_path, RECEIPT)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 3
    assert [each["filename"] for each in lines(done)] == [RECEIPT.name]


def test_a_terminal_is_shown_ids_and_how_far_it_has_come_but_no_bytes(gateway: Served, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(6 * 1024 * 1024))
    with on_terminal(gateway, "file", "put", large) as (_, end):
        said = screen(end)
    assert "large.bin" in said
    assert "6.3/6.3 MB" in said
    (stored,) = [each for each in lines(run(gateway, "file", "list")) if each["filename"] == "large.bin"]
    assert str(stored["fileId"]) in said
    with on_terminal(gateway, "file", "get", stored["fileId"]) as (process, end):
        assert "--to" in screen(end)
        assert process.wait(20) == 2
    run(gateway, "file", "delete", stored["fileId"])


def test_the_artifacts_of_an_execution_are_listed_and_fetched(gateway: Served, tmp_path: Path) -> None:
    (line,) = lines(run(gateway, "pipeline", "run", "image_thumbnail", RECEIPT))
    done = run(gateway, "execution", "artifacts", line["executionId"], "--to", tmp_path / "made")
    (made,) = lines(done)
    (path,) = (tmp_path / "made").iterdir()
    assert (path.name, path.stat().st_size) == (f"{made['artifactId']}.png", made["size"])
    assert run(gateway, "execution", "artifacts", "never-was").returncode == 1


@pytest.mark.parametrize("arguments", [("put",), ("get",), ("delete",), ("put", "a", "--expires-after", "-1")])
def test_a_wrong_usage_is_told_apart(gateway: Served, arguments: tuple[str, ...]) -> None:
    assert run(gateway, "file", *arguments).returncode == 2


def test_the_json_of_a_file_is_that_of_the_wire(gateway: Served) -> None:
    done = run(gateway, "file", "put", RECEIPT, "-o", "json")
    assert set(json.loads(done.stdout)) == {"fileId", "filename", "contentType", "size", "createdAt", "expiresAt"}
