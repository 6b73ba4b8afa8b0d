"""Each way by which media come in, through the installed gateway to an ensemble: and each way's refusals."""

import base64
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import httpx
import PIL.Image
import pytest

from e2e.served import Served, serving
from gateway.adapters.supervisor.stack import Endpoints
from gateway.v1 import executions_pb2, executions_pb2_grpc, media_pb2, pipelines_pb2, pipelines_pb2_grpc
from places import DOCUMENTS

RUN, LATER = "/v1/pipelines/image_stats/executeSync", "/v1/pipelines/image_stats/executeAsync"
IMAGE = (DOCUMENTS / "receipt.jpg").read_bytes()
ENCODED = base64.b64encode(IMAGE).decode()
SECRET = "a-word-that-nobody-is-told"
Media = media_pb2.Media


class Host(BaseHTTPRequestHandler):
    """Serves an image, a page, and ways that lead elsewhere."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        moved = {"/moved": "/image", "/inside": "http://169.254.169.254/latest/", "/round": "/round"}.get(path)
        body = {"/image": IMAGE, "/page": SECRET.encode()}.get(path, b"")
        self.send_response(302 if moved else 200 if body else 404)
        if moved:
            self.send_header("Location", moved)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def hosting() -> Iterator[str]:
    """The address of a host on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A host of media."""
    with hosting() as url:
        yield url


@pytest.fixture(scope="module")
def outside_flags(stack: Endpoints, short_folder: Path) -> tuple[str, ...]:
    """The flags of a gateway over the stack of this session."""
    triton = ("--triton-url", f"grpc://{stack.triton_grpc}", "--triton-http-url", f"http://{stack.triton_http}")
    blobs = (short_folder / "ways-blobs").as_uri()
    return (*triton, "--database-url", str(stack.database_url), "--blob-url", blobs)


@pytest.fixture(scope="module")
def served(outside_flags: tuple[str, ...], short_folder: Path) -> Iterator[Served]:
    """A gateway that fetches media from this machine."""
    flags = ("--media-urls", "--media-urls-allowed", "127.0.0.0/8")
    with serving(short_folder / "ways", *outside_flags, *flags) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    """A REST client of it."""
    with served.client() as found:
        yield found


@pytest.fixture(scope="module")
def pipelines(served: Served) -> Iterator[pipelines_pb2_grpc.PipelinesStub]:
    """A gRPC client of it."""
    with served.channel() as channel:
        yield pipelines_pb2_grpc.PipelinesStub(channel)


def widths(reply: httpx.Response) -> list[int]:
    """How wide each image was that a call has found."""
    assert reply.status_code == 200, reply.text
    return [each["metaData"]["width"] for each in reply.json()["mediaContents"]]


def ran(pipelines: pipelines_pb2_grpc.PipelinesStub, *media: Media, **fields: Any) -> list[dict[str, Any]]:
    """What a call by gRPC has found."""
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="image_stats", media=media, **fields)
    found: list[dict[str, Any]] = json.loads(pipelines.ExecuteSync(request, timeout=60).observation)["mediaContents"]
    return found


def stored(client: httpx.Client) -> tuple[str, str]:
    """An execution, and the image that is stored on it."""
    execution_id = client.post("/v1/executions", json={}).json()["executionId"]
    reply = client.post(f"/v1/executions/{execution_id}/observation/media", content=IMAGE)
    return execution_id, reply.json()["mediaId"]


def refused(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    found: dict[str, Any] = reply.json()
    assert (reply.status_code, found["code"]) == (status, code), reply.text
    assert SECRET not in reply.text
    return found


@pytest.mark.parametrize("media", [ENCODED, f"data:image/jpeg;base64,{ENCODED}", {"base64": ENCODED}])
def test_base64_is_taken_in_each_of_its_forms(client: httpx.Client, media: object) -> None:
    assert widths(client.post(RUN, json={"media": [media]})) == [640]


@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream"])
@pytest.mark.parametrize("body", [IMAGE, ENCODED.encode()], ids=["raw", "base64"])
def test_a_raw_body_is_the_media(client: httpx.Client, kind: str, body: bytes) -> None:
    reply = client.post(RUN, content=body, headers={"Content-Type": kind}, params={"tag": "raw", "envelope": "true"})
    assert reply.status_code == 200, reply.text
    execution = client.get(f"/v1/executions/{reply.json()['executionId']}").json()
    assert execution["tag"] == "raw"


def test_a_raw_body_may_run_in_the_background(client: httpx.Client) -> None:
    reply = client.post(LATER, content=IMAGE, headers={"Content-Type": "image/jpeg"}, params={"priority": "high"})
    assert reply.status_code == 202, reply.text
    run = client.get(f"{reply.headers['location']}?wait=30s").json()
    assert (run["state"], run["priority"]) == ("completed", "high")


def test_a_form_brings_files_and_fields(client: httpx.Client) -> None:
    files = [("media", ("a.jpg", IMAGE, "image/jpeg")), ("files", ("b.jpg", IMAGE, "image/jpeg"))]
    reply = client.post(RUN, files=files, data={"tag": "form", "metaData": '{"a": 1}', "idempotent": "True"})
    assert widths(reply) == [640, 640]
    execution = client.get(f"/v1/executions/{reply.json()['executionId']}").json()
    assert (execution["tag"], execution["metaData"]) == ("form", {"a": 1})


@pytest.mark.parametrize("path", ["", "/json", "/transform"])
def test_every_form_of_answer_takes_a_form(client: httpx.Client, path: str) -> None:
    fields = {"transform": "mediaContents.metaData.width"} if path == "/transform" else {"tag": "any"}
    assert client.post(RUN + path, files={"file": ("a.jpg", IMAGE)}, data=fields).status_code == 200


def test_a_stored_media_is_named_by_its_id(client: httpx.Client, pipelines: pipelines_pb2_grpc.PipelinesStub) -> None:
    execution_id, media_id = stored(client)
    reply = client.post(RUN, json={"executionId": execution_id, "media": [{"mediaId": media_id}, ENCODED]})
    assert [each["mediaId"] for each in reply.json()["mediaContents"]] == [media_id, "media-2"]
    found = ran(pipelines, Media(media_id=media_id), execution_id=execution_id)
    assert [each["mediaId"] for each in found] == [media_id]


def test_a_media_that_came_in_pieces_is_run_by_its_id(
    served: Served, client: httpx.Client, pipelines: pipelines_pb2_grpc.PipelinesStub
) -> None:
    execution_id = client.post("/v1/executions", json={}).json()["executionId"]
    with served.channel() as channel:
        pieces = [IMAGE[start : start + 10_000] for start in range(0, len(IMAGE), 10_000)]
        record = executions_pb2_grpc.ExecutionsStub(channel).UploadMedia(
            iter(executions_pb2.UploadMediaRequest(execution_id=execution_id, data=each) for each in pieces)
        )
    assert len(ran(pipelines, Media(media_id=record.media_id), execution_id=execution_id)) == 1


def test_pages_are_chosen_in_whichever_way_a_media_comes(
    client: httpx.Client, pipelines: pipelines_pb2_grpc.PipelinesStub
) -> None:
    frames, file = [PIL.Image.new("L", (size, 8)) for size in (16, 24, 32)], io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    tiff, options = file.getvalue(), {"tryImageConversion": "true", "pageRange": "1"}
    raw = client.post(RUN, content=tiff, headers={"Content-Type": "image/tiff"}, params=options)
    form = client.post(RUN, files={"file": ("a.tiff", tiff)}, data=options)
    media = [{"base64": base64.b64encode(tiff).decode(), "pageRange": "1"}]
    by_json = client.post(RUN, json={"media": media, "tryImageConversion": True})
    by_grpc = ran(pipelines, Media(data=tiff, page_range="1"), try_image_conversion=True)
    for found in (raw.json(), form.json(), by_json.json(), by_grpc):
        assert re.findall(r'"width": (\d+)', json.dumps(found)) == ["24"]


@pytest.mark.parametrize("path", ["/image", "/moved", f"/image?token={SECRET}"])
def test_a_media_is_fetched_from_its_url(
    client: httpx.Client, pipelines: pipelines_pb2_grpc.PipelinesStub, host: str, path: str
) -> None:
    assert widths(client.post(RUN, json={"media": [{"url": host + path}]})) == [640]
    assert widths(client.post(RUN, data={"file_url": host + path})) == [640]
    assert len(ran(pipelines, Media(uri=host + path), Media(data=IMAGE))) == 2


def test_a_url_may_run_in_the_background_and_nothing_of_it_is_kept(
    served: Served, client: httpx.Client, host: str
) -> None:
    reply = client.post(LATER, json={"media": [{"url": f"{host}/image?token={SECRET}"}]})
    run = client.get(f"{reply.headers['location']}?wait=30s").json()
    assert run["state"] == "completed"
    assert SECRET not in json.dumps(run)
    assert SECRET not in served.said.read_text()


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/inside", "media.url_forbidden", "not public"),
        ("/round", "media.url_failed", "redirects"),
        ("/never", "media.url_failed", "4xx"),
        ("/page", "media.url_failed", "type"),
    ],
)
def test_a_url_that_leads_to_no_media_is_refused(
    client: httpx.Client, pipelines: pipelines_pb2_grpc.PipelinesStub, host: str, path: str, code: str, words: str
) -> None:
    found = refused(client.post(RUN, json={"media": [ENCODED, {"url": host + path}]}), 422, code)
    assert (found["field"], words in found["detail"]) == ("media[1]", True)
    with pytest.raises(grpc.RpcError) as failure:
        ran(pipelines, Media(uri=host + path))
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://user:word@127.0.0.1/",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_a_url_to_where_nothing_is_fetched_from_is_refused(client: httpx.Client, url: str) -> None:
    refused(client.post(RUN, json={"media": [{"url": url}]}), 422, "media.url_forbidden")


def test_a_url_is_refused_where_the_operator_allows_none(
    outside_flags: tuple[str, ...], new_folder: Path, host: str
) -> None:
    with serving(new_folder / "closed", *outside_flags, "--no-worker") as closed, closed.client() as client:
        for request in ({"json": {"media": [{"url": f"{host}/image"}]}}, {"data": {"url": f"{host}/image"}}):
            found = refused(client.post(RUN, **request), 422, "media.url_forbidden")
            assert "media_urls" in found["detail"]
        with closed.channel() as channel, pytest.raises(grpc.RpcError) as failure:
            ran(pipelines_pb2_grpc.PipelinesStub(channel), Media(uri=f"{host}/image"))
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("request_", "status", "code", "field"),
    [
        ({"content": IMAGE, "headers": {"Content-Type": "text/html"}}, 415, "media.unsupported", None),
        ({"content": b"what?", "headers": {"Content-Type": "image/png"}}, 415, "media.unsupported", "media[0]"),
        ({"content": b"{}", "headers": {"Content-Type": "multipart/form-data"}}, 400, "request.malformed", None),
        ({"content": IMAGE, "headers": {"Content-Type": "image/png"}, "params": {"x": "1"}}, 422, "input.invalid", "x"),
        ({"files": {"file": ("a", IMAGE)}, "data": {"never": "1"}}, 422, "input.invalid", "never"),
        ({"files": {"file": ("a", IMAGE)}, "data": {"timeout": "x"}}, 422, "input.invalid", "timeout"),
        ({"json": {"media": [{}]}}, 422, "input.invalid", "media[0]"),
        ({"json": {"media": [{"base64": "!"}]}}, 422, "input.invalid", "media[0]"),
        ({"json": {"media": [{"base64": ENCODED, "url": "http://a/"}]}}, 422, "input.invalid", "media[0]"),
        ({"json": {"media": [{"mediaId": "never"}]}}, 422, "input.invalid", "media[0]"),
        ({"json": {"media": [{"fileId": "never"}]}}, 404, "file.not_found", "media[0]"),
    ],
)
def test_what_is_no_call_is_refused_by_its_place(
    client: httpx.Client, request_: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    assert refused(client.post(RUN, **request_), status, code).get("field") == field


@pytest.mark.parametrize(
    ("media", "code"),
    [
        (Media(file_id="never"), grpc.StatusCode.NOT_FOUND),
        (Media(media_id="never"), grpc.StatusCode.INVALID_ARGUMENT),
        (Media(base64="!"), grpc.StatusCode.INVALID_ARGUMENT),
        (Media(), grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["file", "stored", "base64", "nothing"],
)
def test_a_message_that_is_no_call_is_refused(
    pipelines: pipelines_pb2_grpc.PipelinesStub, media: Media, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        ran(pipelines, media)
    assert failure.value.code() is code
