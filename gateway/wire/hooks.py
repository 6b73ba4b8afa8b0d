"""The JSON of hooks and deliveries, both ways; absent is what there is none of."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.domain.deliveries import Delivery, DeliveryState, Failure
from gateway.domain.hooks import EventType, Hook, HookType, PayloadType
from gateway.domain.ids import new_id, now, rfc3339
from gateway.errors import InvalidInput
from gateway.wire.json import decode

_EVENTS: Final = {each.value: each for each in EventType}
_PAYLOADS: Final = {each.value: each for each in PayloadType}


class HookBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The body of a hook, new or changed; null is absent."""

    hook_id: str | None = None
    name: str | None = None
    event_type: str
    hook_type: str | None = None
    endpoint: str
    headers: dict[str, str] | None = None
    status_filter: list[str] | None = None
    payload_type: str
    transform: str | None = None
    form_payload_key: str | None = None
    form_document_key: str | None = None
    enabled: bool | None = None
    secrets: list[str] | None = None
    #: The gateway's own; taken so that what was read can be sent back.
    created_at: str | None = None


class HookView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A hook as the wire shows it; its secrets only where it has just been created."""

    hook_id: str
    name: str | None = None
    event_type: EventType
    hook_type: HookType
    endpoint: str
    headers: Mapping[str, str] | None = None
    status_filter: tuple[str, ...] | None = None
    payload_type: PayloadType
    transform: str | None = None
    form_payload_key: str
    form_document_key: str
    enabled: bool
    secrets: tuple[str, ...] | None = None
    created_at: str


class DeliveryView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A delivery as the wire shows it."""

    delivery_id: str
    hook_id: str | None = None
    execution_id: str
    run_id: str | None = None
    event_type: EventType
    status: str | None = None
    url: str
    state: DeliveryState
    attempt: int
    created_at: str
    next_attempt_at: str | None = None
    last_attempt_at: str | None = None
    last_status: int | None = None
    last_failure: Failure | None = None
    last_excerpt: str | None = None
    ended_at: str | None = None


_hook_body: Final = msgspec.json.Decoder(HookBody)


def hook_of(body: bytes | bytearray, hook_id: str | None = None) -> Hook:
    """The hook that a body asks for; `hook_id` is that of its address, if it has one.

    Raises:
        Malformed, InvalidInput: it asks for nothing that there is.
    """
    asked = decode(body, _hook_body)
    if hook_id is not None and asked.hook_id not in (None, hook_id):
        raise InvalidInput("The address names another hook.", field="hookId")
    return checked_hook(
        hook_id=hook_id or asked.hook_id,
        name=asked.name,
        event_type=asked.event_type,
        hook_type=asked.hook_type,
        endpoint=asked.endpoint,
        headers=asked.headers or {},
        status_filter=asked.status_filter or (),
        payload_type=asked.payload_type,
        transform=asked.transform,
        form_keys=(asked.form_payload_key, asked.form_document_key),
        enabled=asked.enabled is not False,
        secrets=asked.secrets or (),
    )


def checked_hook(
    *,
    hook_id: str | None,
    name: str | None,
    event_type: str,
    hook_type: str | None,
    endpoint: str,
    headers: Mapping[str, str],
    status_filter: Sequence[str],
    payload_type: str,
    transform: str | None,
    form_keys: tuple[str | None, str | None],
    enabled: bool,
    secrets: Sequence[str],
) -> Hook:
    """A hook whose words are those that there are; both doors end here.

    Raises:
        InvalidInput: one is not.
    """
    if event_type not in _EVENTS:
        raise InvalidInput(f"An event is one of {', '.join(_EVENTS)}.", field="eventType")
    if payload_type not in _PAYLOADS:
        raise InvalidInput(f"A payload is one of {', '.join(_PAYLOADS)}.", field="payloadType")
    if hook_type not in (None, HookType.WEBHOOK.value):
        raise InvalidInput(f"A hook is a {HookType.WEBHOOK}.", field="hookType")
    payload_key, document_key = form_keys
    return Hook(
        hook_id=hook_id or new_id(),
        name=name or "",
        event_type=_EVENTS[event_type],
        endpoint=endpoint,
        headers=dict(headers),
        status_filter=tuple(status_filter),
        payload_type=_PAYLOADS[payload_type],
        transform=transform,
        form_payload_key=payload_key or "payload",
        form_document_key=document_key or "documents",
        enabled=enabled,
        secrets=tuple(secrets),
        created_at=now(),
    )


def hook_view(hook: Hook, *, with_secrets: bool = False) -> HookView:
    """The wire's form of a hook."""
    return HookView(
        hook_id=hook.hook_id,
        name=hook.name or None,
        event_type=hook.event_type,
        hook_type=hook.hook_type,
        endpoint=hook.endpoint,
        headers=hook.headers or None,
        status_filter=hook.status_filter or None,
        payload_type=hook.payload_type,
        transform=hook.transform,
        form_payload_key=hook.form_payload_key,
        form_document_key=hook.form_document_key,
        enabled=hook.enabled,
        secrets=hook.secrets if with_secrets else None,
        created_at=rfc3339(hook.created_at),
    )


def delivery_view(delivery: Delivery) -> DeliveryView:
    """The wire's form of a delivery."""
    event = delivery.event
    return DeliveryView(
        delivery_id=delivery.delivery_id,
        hook_id=delivery.hook_id,
        execution_id=event.execution_id,
        run_id=event.run_id,
        event_type=event.event_type,
        status=event.status,
        url=delivery.url,
        state=delivery.state,
        attempt=delivery.attempt,
        created_at=rfc3339(delivery.created_at),
        next_attempt_at=rfc3339(delivery.due_at) if delivery.due_at else None,
        last_attempt_at=rfc3339(delivery.last_attempt_at) if delivery.last_attempt_at else None,
        last_status=delivery.last_status,
        last_failure=delivery.last_failure,
        last_excerpt=delivery.last_excerpt or None,
        ended_at=rfc3339(delivery.ended_at) if delivery.ended_at else None,
    )
