"""Files through both doors: put in once, listed, fetched byte for byte, removed, and gone when their time is over."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from e2e.served import Served, serving, until
from gateway.v1 import files_pb2, files_pb2_grpc

Document = Callable[[str], bytes]


@pytest.fixture(scope="module")
def files(channel: grpc.Channel) -> files_pb2_grpc.FilesStub:
    return files_pb2_grpc.FilesStub(channel)


def pieces(data: bytes, size: int = 100_000, **about: Any) -> Iterator[files_pb2.CreateFileRequest]:
    yield files_pb2.CreateFileRequest(data=data[:size], **about)
    for start in range(size, len(data), size):
        yield files_pb2.CreateFileRequest(data=data[start : start + size])


def put(client: httpx.Client, data: bytes, name: str = "a.bin", **fields: str) -> dict[str, Any]:
    found: dict[str, Any] = (
        client.post("/v1/files", files={"file": (name, data)}, data=fields).raise_for_status().json()
    )
    return found


def test_a_file_of_a_form_comes_back_byte_for_byte_under_its_name(rest: httpx.Client, document: Document) -> None:
    image = document("invoice.png")
    stored = put(rest, image, "Rechnung März.png", purpose="vision", expires_after="3600")
    assert set(stored) == {"fileId", "filename", "contentType", "size", "purpose", "createdAt", "expiresAt"}
    assert (stored["filename"], stored["contentType"]) == ("Rechnung März.png", "image/png")
    assert (stored["size"], stored["purpose"]) == (len(image), "vision")
    address = f"/v1/files/{stored['fileId']}"
    assert rest.get(address).json() == stored
    content = rest.get(f"{address}/content")
    assert content.content == image
    assert content.headers["content-type"] == "image/png"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-security-policy"] == "sandbox"
    assert content.headers["content-disposition"] == (
        "attachment; filename=\"Rechnung M_rz.png\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.png"
    )


def test_a_body_is_a_file_as_it_is(rest: httpx.Client) -> None:
    headers = {"content-type": "text/plain; charset=utf-8"}
    query = {"filename": "note.txt", "purpose": "notes", "expiresAfter": "0"}
    stored = rest.post("/v1/files", content="größe".encode(), headers=headers, params=query).json()
    assert (stored["filename"], stored["contentType"]) == ("note.txt", "text/plain; charset=utf-8")
    assert "expiresAt" not in stored
    assert rest.get(f"/v1/files/{stored['fileId']}/content").text == "größe"


def test_a_script_that_is_called_an_image_is_not_served_as_one(rest: httpx.Client) -> None:
    stored = rest.post("/v1/files", content=b"<script>", headers={"content-type": "image/svg+xml"}).json()
    assert stored["contentType"] == "application/octet-stream"


def test_a_file_larger_than_a_body_may_be_is_streamed(rest: httpx.Client) -> None:
    data = os.urandom(1024 * 1024) * 70
    stored = put(rest, data, "large.bin")
    with rest.stream("GET", f"/v1/files/{stored['fileId']}/content") as response:
        assert b"".join(response.iter_bytes()) == data
    rest.delete(f"/v1/files/{stored['fileId']}").raise_for_status()


def test_a_file_is_used_by_its_id_as_often_as_one_likes(rest: httpx.Client, document: Document) -> None:
    stored = put(rest, document("receipt.jpg"), "receipt.jpg")
    body = {"media": [{"fileId": stored["fileId"]}]}
    for _ in range(2):
        found = rest.post("/v1/pipelines/image_stats/executeSync", json=body).raise_for_status().json()
        assert found["mediaContents"][0]["metaData"] == {"width": 640, "height": 480}
    rest.delete(f"/v1/files/{stored['fileId']}").raise_for_status()
    gone = rest.post("/v1/pipelines/image_stats/executeSync", json=body)
    assert (gone.status_code, gone.json()["code"]) == (404, "file.not_found")


def test_a_list_leads_on_and_shows_one_purpose(rest: httpx.Client) -> None:
    ours = [put(rest, b"x", purpose="listed")["fileId"] for _ in range(3)]
    first = rest.get("/v1/files", params={"purpose": "listed", "limit": 2})
    second = rest.get(first.links["next"]["url"])
    assert [each["fileId"] for each in (*first.json(), *second.json())] == ours[::-1]
    assert "next" not in second.links


def test_what_was_removed_is_not_found(rest: httpx.Client, gateway: Served) -> None:
    file_id = put(rest, b"some")["fileId"]
    blob = gateway.data_dir / "blobs" / "files" / file_id
    assert blob.exists()
    assert rest.delete(f"/v1/files/{file_id}").status_code == 204
    assert not blob.exists()
    for address in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/content"):
        assert (rest.get(address).status_code, rest.get(address).json()["code"]) == (404, "file.not_found")
    assert rest.delete(f"/v1/files/{file_id}").status_code == 404
    assert rest.get("/v1/files/no-uuid").json()["code"] == "file.not_found"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"files": {"other": ("a", b"x")}}, 422, "input.invalid"),
        ({"files": {"file": ("a", b"")}}, 422, "input.invalid"),
        ({"files": {"file": ("../a", b"x")}}, 422, "input.invalid"),
        ({"files": {"file": ("a", b"x")}, "data": {"purpose": "a b"}}, 422, "input.invalid"),
        ({"files": {"file": ("a", b"x")}, "data": {"expires_after": "soon"}}, 422, "input.invalid"),
        ({"files": {"file": ("a", b"x")}, "data": {"expires_after": "-1"}}, 422, "input.invalid"),
        ({"files": {"file": ("a", b"x")}, "data": {"nothing": "1"}}, 422, "input.invalid"),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"x"))]}, 422, "input.invalid"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "request.malformed"),
        (
            {"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
            "request.malformed",
        ),
        ({"content": b""}, 422, "input.invalid"),
        ({"content": b"x", "params": {"filename": "a/b"}}, 422, "input.invalid"),
        ({"content": b"x", "params": {"expiresAfter": "nan"}}, 422, "input.invalid"),
    ],
)
def test_what_is_no_file_is_refused(rest: httpx.Client, sent: dict[str, Any], status: int, code: str) -> None:
    reply = rest.post("/v1/files", **sent)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_a_file_is_put_in_fetched_listed_and_removed_by_grpc(
    files: files_pb2_grpc.FilesStub, rest: httpx.Client, document: Document
) -> None:
    image = document("invoice.png")
    stored = files.CreateFile(pieces(image, 10_000, filename="a.png", purpose="by-grpc", expires_after=60))
    assert (stored.filename, stored.content_type, stored.size) == ("a.png", "image/png", len(image))
    assert stored.expires_at.ToDatetime() > stored.created_at.ToDatetime()
    assert rest.get(f"/v1/files/{stored.file_id}").json()["purpose"] == "by-grpc"
    assert files.GetFile(files_pb2.GetFileRequest(file_id=stored.file_id)) == stored
    listed = files.ListFiles(files_pb2.ListFilesRequest(purpose="by-grpc", limit=1))
    assert (list(listed.files), listed.next_cursor) == ([stored], "")
    answers = list(files.GetFileContent(files_pb2.GetFileContentRequest(file_id=stored.file_id)))
    assert answers[0].file == stored
    assert b"".join(each.data for each in answers) == image
    files.DeleteFile(files_pb2.DeleteFileRequest(file_id=stored.file_id))
    with pytest.raises(grpc.RpcError) as refused:
        files.GetFile(files_pb2.GetFileRequest(file_id=stored.file_id))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_stream_without_a_piece_and_an_empty_file_are_refused(files: files_pb2_grpc.FilesStub) -> None:
    for request in (iter(()), pieces(b"")):
        with pytest.raises(grpc.RpcError) as refused:
            files.CreateFile(request)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_file_is_gone_with_its_bytes_when_its_time_is_over_and_limits_hold(
    short_folder: Path, outside: tuple[str, ...]
) -> None:
    flags = (*outside, "--sweep-interval", "0.2", "--max-file-bytes", "1000", "--file-retention", "0")
    blobs = short_folder / "small-blobs" / "files"
    with serving(short_folder / "files-expire", *flags) as served, served.client() as client:
        for size, status in ((999, 200), (1000, 200), (1001, 413)):
            assert client.post("/v1/files", content=b"x" * size).status_code == status
        kept = put(client, b"kept")
        assert "expiresAt" not in kept
        gone = put(client, b"gone", expires_after="0.5")
        until(lambda: not (blobs / gone["fileId"]).exists(), 30)
        assert client.get(f"/v1/files/{gone['fileId']}").status_code == 404
        assert client.get(f"/v1/files/{kept['fileId']}/content").content == b"kept"
