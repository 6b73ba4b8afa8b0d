"""Calls from protobuf messages to the domain's."""

from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from gateway import metrics
from gateway.domain.calls import Call, Form
from gateway.domain.conversion import Conversion
from gateway.domain.media import Brought, FileReference, Media, StoredReference, nth
from gateway.errors import InvalidInput
from gateway.v1 import media_pb2, pipelines_pb2, runs_pb2
from gateway.wire.brought import at_url
from gateway.wire.calls import checked_call, checked_media, webhook
from gateway.wire.media import decode_media, not_empty
from gateway.wire.scheduling import CANCEL, CONTINUE, Schedule, checked_schedule

_ON_TIMEOUT: Final = {
    pipelines_pb2.ON_TIMEOUT_UNSPECIFIED: None,
    pipelines_pb2.ON_TIMEOUT_CANCEL: CANCEL,
    pipelines_pb2.ON_TIMEOUT_CONTINUE: CONTINUE,
}
_PRIORITY: Final = {
    runs_pb2.PRIORITY_UNSPECIFIED: None,
    runs_pb2.PRIORITY_LOW: "low",
    runs_pb2.PRIORITY_NORMAL: "normal",
    runs_pb2.PRIORITY_HIGH: "high",
}


def sync_call(
    request: pipelines_pb2.ExecuteSyncRequest,
    timeout: float,
    answer: str = Form.OBSERVATION.value,
    key: str | None = None,
) -> Call:
    """The call that a request asks for, to be answered in this form; `timeout` is what is left of its deadline.

    Raises:
        InvalidInput, ObservationInvalid: it is not one.
    """
    schedule = checked_schedule(waits=True, priority=None, execute_after=None, on_timeout=_on_timeout(request))
    return _call(request, timeout, answer, key, schedule)


def async_call(request: pipelines_pb2.ExecuteAsyncRequest, timeout: float, key: str | None = None) -> Call:
    """The call for the background that a request asks for.

    Raises:
        InvalidInput, ObservationInvalid: it is not one.
    """
    schedule = checked_schedule(
        waits=False,
        # A number that there is not is a word that there is not.
        priority=_PRIORITY.get(request.priority, ""),
        execute_after=_moment(request.execute_after) if request.HasField("execute_after") else None,
        on_timeout=_on_timeout(request.call),
    )
    return _call(request.call, timeout, Form.ACCEPTED.value, key, schedule)


def _on_timeout(request: pipelines_pb2.ExecuteSyncRequest) -> str | None:
    return _ON_TIMEOUT.get(request.on_timeout, "")


def _moment(stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("It is not a moment.", field="execute_after") from None


@metrics.timed(metrics.DECODE)
def _call(
    request: pipelines_pb2.ExecuteSyncRequest, timeout: float, answer: str, key: str | None, schedule: Schedule
) -> Call:
    media = [_media(each, index) for index, each in enumerate(checked_media(request.media))]
    return checked_call(
        pipeline_id=request.pipeline_id,
        execution_id=request.execution_id or None,
        media=media,
        media_ids=list(request.media_ids) or None,
        conversion=Conversion(
            images=request.try_image_conversion,
            text=request.try_simple_text,
            pages=request.page_range or None,
        ),
        inputs=request.inputs or None,
        text=request.text or None,
        observation=request.observation or None,
        tag=request.tag or None,
        meta_data=request.meta_data or None,
        idempotent=request.idempotent,
        transient=request.transient,
        parameters=request.runtime_parameters or None,
        timeout=timeout,
        key=key,
        answer=answer,
        schedule=schedule,
        ttl=request.ttl if request.HasField("ttl") else None,
        hook_ids=request.hook_ids,
        webhook=webhook(request.webhook_url or None, request.webhook_secret or None),
    )


def _media(media: media_pb2.Media, index: int) -> Brought:
    kind, field = media.WhichOneof("content"), f"media[{index}]"
    pages = media.page_range or None
    if kind == "file_id":
        return FileReference(media.file_id, pages)
    if kind == "media_id":
        return StoredReference(media.media_id, pages)
    if kind == "uri":
        return at_url(media.uri, index, pages)
    data = decode_media(media.base64, field) if kind == "base64" else not_empty(media.data, field)
    return Media(nth(index), data, pages)
