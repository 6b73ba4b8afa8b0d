"""A multipart form: one JSON field and the documents beside it."""

import mimetypes
import secrets
from collections.abc import Sequence

import msgspec


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One media as it is sent along."""

    media_id: str
    content_type: str
    data: bytes


class Form(msgspec.Struct, frozen=True):
    """A body with its content type."""

    body: bytes
    content_type: str


def form(payload_key: str, payload: bytes, document_key: str, documents: Sequence[Document]) -> Form:
    """A form of the JSON `payload` and one file per document, all of them under the same key."""
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, f'name="{payload_key}"', "application/json", payload)]
    for each in documents:
        names = f'name="{document_key}"; filename="{_file_name(each)}"'
        parts.append(_part(boundary, names, each.content_type, each.data))
    return Form(b"".join((*parts, f"--{boundary}--\r\n".encode())), f"multipart/form-data; boundary={boundary}")


def _part(boundary: str, names: str, content_type: str, data: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {names}\r\nContent-Type: {content_type}\r\n\r\n"
    return b"".join((head.encode(), data, b"\r\n"))


def _file_name(document: Document) -> str:
    return document.media_id + (mimetypes.guess_extension(document.content_type.partition(";")[0]) or "")
