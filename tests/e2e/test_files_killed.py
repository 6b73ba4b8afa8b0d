"""A gateway is killed while it stores a file: what was acknowledged is there, and nothing else stays for ever."""

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest

from e2e.served import Served, answers, free_port, serving, until
from e2e.test_kill_points import KILLED, KILLED_AT
from gateway.adapters.supervisor.stack import Endpoints

DATA = b"of the killed" * 1000


def put_and_be_killed(point: str, data_dir: Path, outside: tuple[str, ...]) -> None:
    """Put in a file, at a gateway that dies at this point of it."""
    rest, grpc = free_port(), free_port()
    ports = ("--rest-port", str(rest), "--grpc-port", str(grpc), "--no-worker")
    command = [sys.executable, KILLED_AT, point, "1", "serve", "--data-dir", str(data_dir), *ports, *outside]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    served = Served(process, f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}", data_dir, data_dir)  # type: ignore[arg-type]
    try:
        until(lambda: answers(served, "/ready"))
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{served.rest}/v1/files", content=DATA, params={"purpose": point})
        assert process.wait(60) == KILLED
    finally:
        process.kill()
        process.wait(60)


async def have_no_patience(url: str) -> None:
    """As if the time in which the record may come were over."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE doomed_blobs SET due_at = now() WHERE blob LIKE 'files/%'")
    finally:
        await connection.close()


@pytest.mark.parametrize(("point", "recorded"), [("after-file-blob", False), ("after-file-record", True)])
def test_a_file_is_there_with_its_record_or_goes(
    short_folder: Path, small_stack: Endpoints, outside: tuple[str, ...], point: str, recorded: bool
) -> None:
    blobs = short_folder / "small-blobs" / "files"
    before = set(blobs.glob("*"))
    put_and_be_killed(point, short_folder / point, outside)
    (blob,) = set(blobs.glob("*")) - before
    assert blob.read_bytes() == DATA
    with (
        serving(short_folder / f"{point}-then", *outside, "--sweep-interval", "0.2") as served,
        served.client() as client,
    ):
        listed = client.get("/v1/files", params={"purpose": point}).json()
        assert [each["fileId"] for each in listed] == ([blob.name] if recorded else [])
        asyncio.run(have_no_patience(str(small_stack.database_url)))
        if recorded:
            assert client.get(f"/v1/files/{blob.name}/content").content == DATA
        else:
            until(lambda: not blob.exists(), 60)
