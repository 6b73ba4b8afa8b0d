"""The bodies of execute calls, from JSON to the call they ask for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec

from gateway import metrics
from gateway.domain.calls import Call, Form, Parameter, Webhook
from gateway.domain.conversion import Conversion
from gateway.domain.media import Brought
from gateway.errors import InvalidInput
from gateway.limits import (
    MAX_INPUTS,
    MAX_INPUTS_BYTES,
    MAX_MEDIA_PER_CALL,
    MAX_META_DATA_BYTES,
    MAX_PARAMETERS,
    MAX_PARAMETERS_BYTES,
    MAX_RETENTION,
    MAX_SYNC_TIMEOUT,
    MAX_TAG_CHARACTERS,
    MAX_TEXT_CHARACTERS,
)
from gateway.wire.brought import MediaBody, brought
from gateway.wire.free_json import NOTHING, json_object, raw_field
from gateway.wire.json import decode
from gateway.wire.observations import given_entries
from gateway.wire.scheduling import Schedule, checked_schedule

T = TypeVar("T")

#: Names that mean something to Triton itself.
_TRITON_S_OWN: Final = frozenset(
    ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "binary_data_output")
)
#: A call whose media go to Triton as they came.
_NOTHING: Final = Conversion()


class ExecuteBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The body of every execute call; null is absent."""

    execution_id: str | None = None
    media: list[str | MediaBody] | None = None
    media_ids: list[str] | None = None
    #: What takes any JSON is kept raw until it is known to be small enough.
    inputs: msgspec.Raw = NOTHING
    text: str | None = None
    observation: msgspec.Raw = NOTHING
    tag: str | None = None
    meta_data: msgspec.Raw = NOTHING
    idempotent: bool | None = None
    transient: bool | None = None
    transform: str | None = None
    runtime_parameters: msgspec.Raw = NOTHING
    timeout: float | None = None
    on_timeout: str | None = None
    priority: str | None = None
    execute_after: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    ttl: float | None = None
    hook_ids: list[str] | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None
    page_range: str | None = None
    try_image_conversion: bool | None = None
    try_simple_text: bool | None = None


_execute_body: Final = msgspec.json.Decoder(ExecuteBody)


class Asked(msgspec.Struct, frozen=True):
    """A call, and the transform that its answer is to go through."""

    call: Call
    transform: str | None


def execute_body(body: bytes | bytearray) -> ExecuteBody:
    """The fields of a JSON body.

    Raises:
        Malformed, InvalidInput: they are not those of a call.
    """
    return decode(body, _execute_body)


@metrics.timed(metrics.DECODE)
def asked(
    pipeline_id: str,
    body: bytes | bytearray,
    default_timeout: float,
    form: Form = Form.OBSERVATION,
    key: str | None = None,
) -> Asked:
    """What a body asks for, to be answered in this form; `key` is the caller's name for the call.

    Raises:
        Malformed, InvalidInput: it asks for nothing that there is.
    """
    return asked_in(execute_body(body), pipeline_id, default_timeout, form, key)


def asked_in(
    given_body: ExecuteBody,
    pipeline_id: str,
    default_timeout: float,
    form: Form = Form.OBSERVATION,
    key: str | None = None,
    beside: Sequence[Brought] = (),
) -> Asked:
    """What the fields of a body ask for, on its media and on those that came beside it.

    Raises:
        InvalidInput, ObservationInvalid: they ask for nothing that there is.
    """
    listed = checked_media(given_body.media or [])
    call = checked_call(
        pipeline_id=pipeline_id,
        execution_id=given_body.execution_id,
        media=[*(brought(each, index) for index, each in enumerate(listed)), *beside],
        media_ids=given_body.media_ids,
        conversion=Conversion(
            images=bool(given_body.try_image_conversion),
            text=bool(given_body.try_simple_text),
            pages=given_body.page_range,
        ),
        inputs=raw_field(given_body.inputs),
        text=given_body.text,
        observation=raw_field(given_body.observation),
        tag=given_body.tag,
        meta_data=raw_field(given_body.meta_data),
        idempotent=bool(given_body.idempotent),
        transient=bool(given_body.transient),
        parameters=raw_field(given_body.runtime_parameters),
        timeout=default_timeout if given_body.timeout is None else given_body.timeout,
        key=key,
        answer=answer(form, given_body.transform),
        schedule=checked_schedule(
            waits=form is not Form.ACCEPTED,
            priority=given_body.priority,
            execute_after=given_body.execute_after,
            on_timeout=given_body.on_timeout,
        ),
        ttl=given_body.ttl,
        hook_ids=given_body.hook_ids or (),
        webhook=webhook(given_body.webhook_url, given_body.webhook_secret),
    )
    return Asked(call, given_body.transform)


def answer(form: Form, transform: str | None) -> str:
    """The form of an answer, with the transform that makes it, if one does."""
    return f"{form} {transform or ''}" if form is Form.TRANSFORM else form.value


def checked_media(media: Sequence[T], field: str = "media") -> Sequence[T]:
    """`media`, or the IDs of stored media, unless there are too many.

    Raises:
        InvalidInput: there are.
    """
    if len(media) > MAX_MEDIA_PER_CALL:
        raise InvalidInput(f"A call takes at most {MAX_MEDIA_PER_CALL} media.", field=field)
    return media


def checked_call(
    *,
    pipeline_id: str,
    execution_id: str | None,
    media: Sequence[Brought],
    media_ids: Sequence[str] | None,
    inputs: bytes | None,
    text: str | None,
    observation: bytes | None,
    tag: str | None,
    meta_data: bytes | None,
    idempotent: bool,
    transient: bool,
    parameters: bytes | None,
    timeout: float,
    key: str | None,
    answer: str,
    schedule: Schedule,
    conversion: Conversion = _NOTHING,
    ttl: float | None = None,
    hook_ids: Sequence[str] = (),
    webhook: Webhook | None = None,
) -> Call:
    """A call whose plain fields are within their limits; both doors end here.

    Raises:
        InvalidInput, ObservationInvalid: one is not.
    """
    if not 0 < timeout <= MAX_SYNC_TIMEOUT:
        raise InvalidInput(f"The timeout is not between 0 and {MAX_SYNC_TIMEOUT:g} seconds.", field="timeout")
    return Call(
        pipeline_id=pipeline_id,
        execution_id=execution_id,
        media=tuple(media),
        media_ids=None if media_ids is None else tuple(checked_media(media_ids, "mediaIds")),
        page_range=conversion.pages,
        image_conversion=conversion.images,
        simple_text=conversion.text,
        inputs=_inputs(inputs),
        text=_text(text),
        seed=() if observation is None else given_entries(observation),
        seed_json=observation,
        tag=checked_tag(tag),
        meta_data=checked_meta_data(meta_data),
        idempotent=idempotent,
        transient=transient,
        parameters=_parameters(parameters),
        timeout=timeout,
        key=key,
        answer=answer,
        goes_on=schedule.goes_on,
        priority=schedule.priority,
        execute_after=schedule.execute_after,
        ttl=checked_ttl(ttl),
        hook_ids=tuple(dict.fromkeys(hook_ids)),
        webhook=webhook,
    )


def webhook(url: str | None, secret: str | None) -> Webhook | None:
    """The address that a call alone names.

    Raises:
        InvalidInput: there is a secret, and no address that it could sign for.
    """
    if url is None and secret is not None:
        raise InvalidInput("A secret needs an address: name webhookUrl.", field="webhookSecret")
    return None if url is None else Webhook(url, secret)


def checked_tag(tag: str | None) -> str | None:
    """`tag`, where it may be one.

    Raises:
        InvalidInput: it may not.
    """
    if tag is not None and (len(tag) > MAX_TAG_CHARACTERS or "\0" in tag):
        raise InvalidInput(f"The tag is longer than {MAX_TAG_CHARACTERS} characters, or holds NUL.", field="tag")
    return tag


def checked_meta_data(meta_data: bytes | None) -> bytes | None:
    """`meta_data` as it came, where it is one JSON object that is not too large.

    Raises:
        InvalidInput: it is not.
    """
    found = json_object(meta_data, "metaData", most_bytes=MAX_META_DATA_BYTES)
    return None if found is None else meta_data


def checked_ttl(ttl: float | None) -> float | None:
    """`ttl`, where it is a time that something can be kept for.

    Raises:
        InvalidInput: it is not.
    """
    if ttl is not None and not 0 <= ttl <= MAX_RETENTION:
        raise InvalidInput(f"The ttl is not between 0, for ever, and {MAX_RETENTION:.0f} seconds.", field="ttl")
    return ttl


def _inputs(raw: bytes | None) -> dict[str, object]:
    found = json_object(raw, "inputs", most_bytes=MAX_INPUTS_BYTES, most=MAX_INPUTS) or {}
    return {name: value for name, value in found.items() if value is not None}


def _text(text: str | None) -> str | None:
    if text is not None and len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidInput(f"The text is longer than {MAX_TEXT_CHARACTERS} characters.", field="text")
    return text


def _parameters(raw: bytes | None) -> dict[str, Parameter]:
    given_parameters = json_object(raw, "runtimeParameters", most_bytes=MAX_PARAMETERS_BYTES, most=MAX_PARAMETERS)
    return {name: _parameter(name, value) for name, value in (given_parameters or {}).items()}


def _parameter(name: str, value: object) -> Parameter:
    field = f"runtimeParameters.{name}"
    if "\0" in name:
        raise InvalidInput("The name of a parameter holds NUL.", field="runtimeParameters")
    if name in _TRITON_S_OWN or name.startswith("triton_"):
        raise InvalidInput("The parameter means something to Triton itself, and cannot be set.", field=field)
    if not isinstance(value, Parameter) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise InvalidInput("A parameter is text, a number, true or false.", field=field)
    return value
