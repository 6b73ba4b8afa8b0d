"""Protobuf messages of hooks and deliveries, to and from the domain's values."""

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.domain.deliveries import Delivery
from gateway.domain.hooks import Hook
from gateway.v1 import hooks_pb2
from gateway.wire.hooks import checked_hook


def hook_of(message: hooks_pb2.Hook) -> Hook:
    """The hook that a message asks for.

    Raises:
        InvalidInput: it asks for nothing that there is.
    """
    return checked_hook(
        hook_id=message.hook_id or None,
        name=message.name,
        event_type=_name(hooks_pb2.EventType.items(), message.event_type, "EVENT_TYPE_"),
        hook_type=None,
        endpoint=message.endpoint,
        headers=dict(message.headers),
        status_filter=tuple(message.status_filter),
        payload_type=_name(hooks_pb2.PayloadType.items(), message.payload_type, "PAYLOAD_TYPE_"),
        transform=message.transform or None,
        form_keys=(message.form_payload_key or None, message.form_document_key or None),
        enabled=not message.disabled,
        secrets=tuple(message.secrets),
    )


def _name(names: Iterable[tuple[str, int]], number: int, prefix: str) -> str:
    """The word of a number; one that there is not is a word that there is not."""
    return next((name.removeprefix(prefix) for name, each in names if each == number), "")


def hook(found: Hook, *, with_secrets: bool = False) -> hooks_pb2.Hook:
    """The message of a hook."""
    return hooks_pb2.Hook(
        hook_id=found.hook_id,
        name=found.name,
        event_type=hooks_pb2.EventType.Value(f"EVENT_TYPE_{found.event_type}"),
        endpoint=found.endpoint,
        headers=found.headers,
        status_filter=found.status_filter,
        payload_type=hooks_pb2.PayloadType.Value(f"PAYLOAD_TYPE_{found.payload_type}"),
        transform=found.transform or "",
        form_payload_key=found.form_payload_key,
        form_document_key=found.form_document_key,
        disabled=not found.enabled,
        secrets=found.secrets if with_secrets else (),
        created_at=_timestamp(found.created_at),
    )


def delivery(found: Delivery) -> hooks_pb2.Delivery:
    """The message of a delivery."""
    event = found.event
    return hooks_pb2.Delivery(
        delivery_id=found.delivery_id,
        hook_id=found.hook_id or "",
        execution_id=event.execution_id,
        run_id=event.run_id or "",
        event_type=hooks_pb2.EventType.Value(f"EVENT_TYPE_{event.event_type}"),
        status=event.status or "",
        url=found.url,
        state=hooks_pb2.DeliveryState.Value(f"DELIVERY_STATE_{found.state.upper()}"),
        attempt=found.attempt,
        created_at=_timestamp(found.created_at),
        next_attempt_at=_timestamp(found.due_at),
        last_attempt_at=_timestamp(found.last_attempt_at),
        last_status=found.last_status or 0,
        last_failure=str(found.last_failure or ""),
        last_excerpt=found.last_excerpt,
        ended_at=_timestamp(found.ended_at),
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
