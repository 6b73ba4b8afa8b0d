"""The gateway with its media in S3 instead of a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.served import Served, serving, until
from e2e.small import write_small
from s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Server]:
    """An S3 server with a bucket `media`."""
    with s3_server() as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def served(short_folder: Path, bucket: S3Server) -> Iterator[Served]:
    """A gateway that keeps its media there."""
    repository = write_small(short_folder / "s3-models")
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", bucket.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "name")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("NO_PROXY", "127.0.0.1")
        flags = ("--model-repository", str(repository), "--blob-url", "s3://media/gateway")
        with serving(short_folder / "s3", *flags) as served:
            yield served


def test_uploaded_media_lie_in_the_bucket_and_come_back_byte_for_byte(served: Served, bucket: S3Server) -> None:
    with served.client() as client:
        client.post("/v1/executions", json={"executionId": "in-s3"})
        path = "/v1/executions/in-s3/observation/media"
        stored = client.post(path, content=b"kept in S3", headers={"Content-Type": "text/plain"}).json()
        assert f"gateway/executions/in-s3/{stored['mediaId']}" in bucket.listing()
        assert client.get(f"{path}/{stored['mediaId']}").content == b"kept in S3"
        client.delete("/v1/executions/in-s3")
    assert "in-s3" not in bucket.listing()


def test_a_run_in_the_background_stages_its_media_there_and_leaves_none(served: Served, bucket: S3Server) -> None:
    with served.client() as client:
        accepted = client.post("/v1/pipelines/say/executeAsync", json={"media": ["aGVsbG8="]}).json()
        until(lambda: client.get(f"/v1/runs/{accepted['runId']}").json()["state"] == "completed")
        until(lambda: accepted["runId"] not in bucket.listing())


def test_without_its_bucket_the_gateway_says_so_and_comes_back(served: Served, bucket: S3Server) -> None:
    bucket.stop()
    until(lambda: httpx.get(f"{served.rest}/ready").status_code == 503)
    body = {"media": ["aGVsbG8="]}
    refused = httpx.post(f"{served.rest}/v1/pipelines/say/executeAsync", json=body, timeout=60)
    assert (refused.status_code, refused.json()["code"]) == (503, "storage.unavailable")
    bucket.start()
    until(lambda: httpx.get(f"{served.rest}/ready").status_code == 200)
    assert httpx.post(f"{served.rest}/v1/pipelines/say/executeAsync", json=body, timeout=60).status_code == 202
