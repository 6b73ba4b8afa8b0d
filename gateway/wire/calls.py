"""The bodies of execute calls, from JSON to the call they ask for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from gateway import metrics
from gateway.domain.calls import Call, Form, Parameter, Webhook
from gateway.domain.media import given
from gateway.errors import InvalidInput
from gateway.limits import (
    MAX_MEDIA_PER_CALL,
    MAX_META_DATA_BYTES,
    MAX_RETENTION,
    MAX_SYNC_TIMEOUT,
    MAX_TAG_CHARACTERS,
)
from gateway.wire.json import decode
from gateway.wire.media import decode_media
from gateway.wire.observations import given_entries
from gateway.wire.scheduling import Schedule, checked_schedule

#: Names that mean something to Triton itself.
_TRITON_S_OWN: Final = frozenset(
    ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "binary_data_output")
)


class ExecuteBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The body of every execute call; null is absent."""

    execution_id: str | None = None
    media: list[str] | None = None
    media_ids: list[str] | None = None
    inputs: dict[str, Any] | None = None
    text: str | None = None
    #: Kept raw, which msgspec takes alone and not beside null.
    observation: msgspec.Raw = msgspec.Raw(b"null")
    tag: str | None = None
    meta_data: dict[str, msgspec.Raw] | None = None
    idempotent: bool | None = None
    transient: bool | None = None
    transform: str | None = None
    runtime_parameters: dict[str, Any] | None = None
    timeout: float | None = None
    on_timeout: str | None = None
    priority: str | None = None
    execute_after: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    ttl: float | None = None
    hook_ids: list[str] | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None
    #: Cambrion's own; only their default is taken.
    try_image_conversion: bool | None = None
    try_simple_text: bool | None = None


_execute_body: Final = msgspec.json.Decoder(ExecuteBody)


class Asked(msgspec.Struct, frozen=True):
    """A call, and the transform that its answer is to go through."""

    call: Call
    transform: str | None


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
    given_body = decode(body, _execute_body)
    _refuse_conversion(given_body)
    texts = checked_media(given_body.media or [])
    meta_data = given_body.meta_data
    call = checked_call(
        pipeline_id=pipeline_id,
        execution_id=given_body.execution_id,
        media=[decode_media(text, f"media[{index}]") for index, text in enumerate(texts)],
        media_ids=given_body.media_ids,
        inputs=given_body.inputs or {},
        text=given_body.text,
        observation=None if bytes(given_body.observation) == b"null" else bytes(given_body.observation),
        tag=given_body.tag,
        meta_data=None if meta_data is None else utf8(msgspec.json.encode(meta_data), "metaData"),
        idempotent=bool(given_body.idempotent),
        transient=bool(given_body.transient),
        parameters=given_body.runtime_parameters or {},
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


def _refuse_conversion(body: ExecuteBody) -> None:
    wanted = {"tryImageConversion": body.try_image_conversion, "trySimpleText": body.try_simple_text}
    for field, value in wanted.items():
        if value:
            raise InvalidInput("Conversion belongs to the pipeline's first step; leave this out.", field=field)


def utf8(raw: bytes, field: str) -> bytes:
    """`raw`, where it is UTF-8: msgspec does not look into the strings of what it keeps raw.

    Raises:
        InvalidInput: it is not.
    """
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The field is not UTF-8.", field=field) from None
    return raw


def checked_media(media: list[Any]) -> list[Any]:
    """`media`, unless there are too many.

    Raises:
        InvalidInput: there are.
    """
    if len(media) > MAX_MEDIA_PER_CALL:
        raise InvalidInput(f"A call takes at most {MAX_MEDIA_PER_CALL} media.", field="media")
    return media


def checked_call(
    *,
    pipeline_id: str,
    execution_id: str | None,
    media: list[bytes],
    media_ids: Sequence[str] | None,
    inputs: Mapping[str, object],
    text: str | None,
    observation: bytes | None,
    tag: str | None,
    meta_data: bytes | None,
    idempotent: bool,
    transient: bool,
    parameters: Mapping[str, object],
    timeout: float,
    key: str | None,
    answer: str,
    schedule: Schedule,
    ttl: float | None = None,
    hook_ids: Sequence[str] = (),
    webhook: Webhook | None = None,
) -> Call:
    """A call whose plain fields are within their limits; both doors end here.

    Raises:
        InvalidInput, ObservationInvalid: one is not.
    """
    checked_tag(tag)
    checked_meta_data(meta_data)
    if not 0 < timeout <= MAX_SYNC_TIMEOUT:
        raise InvalidInput(f"The timeout is not between 0 and {MAX_SYNC_TIMEOUT:g} seconds.", field="timeout")
    return Call(
        pipeline_id=pipeline_id,
        execution_id=execution_id,
        media=given(media),
        media_ids=None if media_ids is None else tuple(media_ids),
        inputs={name: value for name, value in inputs.items() if value is not None},
        text=text,
        seed=() if observation is None else given_entries(observation),
        seed_json=observation,
        tag=tag,
        meta_data=meta_data,
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
    """`meta_data`, unless it is too large.

    Raises:
        InvalidInput: it is.
    """
    if meta_data is not None and len(meta_data) > MAX_META_DATA_BYTES:
        raise InvalidInput(f"The metadata is larger than {MAX_META_DATA_BYTES} bytes.", field="metaData")
    return meta_data


def checked_ttl(ttl: float | None) -> float | None:
    """`ttl`, where it is a time that something can be kept for.

    Raises:
        InvalidInput: it is not.
    """
    if ttl is not None and not 0 <= ttl <= MAX_RETENTION:
        raise InvalidInput(f"The ttl is not between 0, for ever, and {MAX_RETENTION:.0f} seconds.", field="ttl")
    return ttl


def _parameters(given_parameters: Mapping[str, object]) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for name, value in given_parameters.items():
        field = f"runtimeParameters.{name}"
        if "\0" in name:
            raise InvalidInput("The name of a parameter holds NUL.", field="runtimeParameters")
        if name in _TRITON_S_OWN or name.startswith("triton_"):
            raise InvalidInput("The parameter means something to Triton itself, and cannot be set.", field=field)
        if not isinstance(value, Parameter) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
            raise InvalidInput("A parameter is text, a number, true or false.", field=field)
        found[name] = value
    return found
