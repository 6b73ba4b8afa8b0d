"""What a request asks for, in whichever way it brings its media."""

import enum
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway import metrics
from gateway.api.rest.body import read_body
from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.rest.form_parts import multipart_parts, url_encoded_parts
from gateway.api.services import Services
from gateway.domain.calls import Form
from gateway.domain.keys import key_text
from gateway.errors import MediaUnsupported
from gateway.wire.calls import Asked, ExecuteBody, asked, asked_in, execute_body
from gateway.wire.forms import Part, Sorted, media_of, sort_form
from gateway.wire.options import in_query, merged

_UNSUPPORTED: Final = (
    "A call is JSON (application/json), a form (multipart/form-data), or one media as it is: an image, a PDF, an "
    "office document, audio, video, text/plain or application/octet-stream."
)
_RAW: Final = (
    "image/",
    "audio/",
    "video/",
    "application/vnd.",
    "application/pdf",
    "application/octet-stream",
    "text/plain",
)
#: What clients send by themselves in front of JSON; a body that begins as an object is one.
_UNTOLD: Final = ("text/plain", "application/x-www-form-urlencoded")


class Way(enum.Enum):
    """How a body brings a call."""

    JSON = enum.auto()
    MULTIPART = enum.auto()
    URL_ENCODED = enum.auto()
    RAW = enum.auto()


def way_of(content_type: str | None) -> Way:
    """The way that a content type tells; without one it is JSON.

    Raises:
        MediaUnsupported: it tells none.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind in ("", "application/json") or kind.endswith("+json"):
        return Way.JSON
    if kind == "multipart/form-data":
        return Way.MULTIPART
    if kind == "application/x-www-form-urlencoded":
        return Way.URL_ENCODED
    if kind.startswith(_RAW):
        return Way.RAW
    raise MediaUnsupported(_UNSUPPORTED)


async def asked_by(request: AnyRequest, pipeline_id: str, services: Services, timeout: float, form: Form) -> Asked:
    """What a request asks for.

    Raises:
        Malformed, InvalidInput, MediaUnsupported, TooLarge, RequestIncomplete, ObservationInvalid: it asks for
            nothing that there is.
        PipelineNotFound, PipelineNotReady, TritonUnavailable: nobody knows what the parts of a form are for.
    """
    key, query = key_text(request.headers.get("idempotency-key")), request.scope["query_string"]
    content_type = request.headers.get("content-type")
    way = way_of(content_type)
    if way is Way.JSON and not query:
        return asked(pipeline_id, await read_body(request), timeout, form, key)
    understand = await _read(request, way, content_type or "", pipeline_id, services)
    with metrics.Timed(metrics.DECODE):
        found = understand()
        fields = merged(found.fields, in_query(query)) if query else found.fields
        return asked_in(fields, pipeline_id, timeout, form, key, found.media)


async def _read(
    request: AnyRequest, way: Way, content_type: str, pipeline_id: str, services: Services
) -> Callable[[], Sorted]:
    """Read the body; what is returned makes something of it."""
    if way is Way.MULTIPART:
        return await _form(request, pipeline_id, services, await multipart_parts(request, content_type))
    body = await read_body(request)
    if way is Way.JSON or (content_type.lower().startswith(_UNTOLD) and _begins_as_object(body)):
        return partial(_json, body)
    if way is Way.URL_ENCODED:
        return await _form(request, pipeline_id, services, url_encoded_parts(body))
    return partial(_raw, body, content_type)


async def _form(request: AnyRequest, pipeline_id: str, services: Services, parts: list[Part]) -> Callable[[], Sorted]:
    pipeline = await services.pipelines.get(caller_of(request), pipeline_id)
    return partial(sort_form, pipeline, parts)


def _begins_as_object(body: bytes) -> bool:
    return body[:64].lstrip(b" \t\r\n").startswith(b"{")


def _json(body: bytes) -> Sorted:
    return Sorted(execute_body(body), ())


def _raw(body: bytes, content_type: str) -> Sorted:
    return Sorted(ExecuteBody(), (media_of(body, content_type, 0),))
