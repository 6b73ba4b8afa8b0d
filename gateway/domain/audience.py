"""Who is to be told of an execution, and what each of them is told."""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.domain.calls import StoredMedia, Webhook
from gateway.domain.deliveries import Delivery, Event
from gateway.domain.hooks import EventType, Hook, concerned
from gateway.domain.ids import new_id
from gateway.domain.runs import RunState

_ENDED: Final = frozenset(state.upper() for state in RunState if state.ended)


class Audience(msgspec.Struct, frozen=True):
    """The hooks of an execution and of a call, and the address that the call alone names."""

    hooks: tuple[Hook, ...] = ()
    webhook: Webhook | None = None

    def __bool__(self) -> bool:
        return bool(self.hooks) or self.webhook is not None

    @property
    def hook_ids(self) -> tuple[str, ...]:
        """The names of its hooks."""
        return tuple(each.hook_id for each in self.hooks)

    def wants_documents(self, events: Sequence[Event]) -> bool:
        """Whether one of these events is told together with the media."""
        told = (hook for event in events for hook in concerned(self.hooks, event.event_type, event.status))
        return any(hook.payload_type.with_documents for hook in told)

    def deliveries(
        self, events: Sequence[Event], found: bytes | None = None, documents: tuple[StoredMedia, ...] = ()
    ) -> tuple[Delivery, ...]:
        """What is to be sent: of each event one delivery to everybody whom it concerns.

        `found` is the observation where the record keeps none; `documents` go to those who want them.
        """
        return tuple(
            msgspec.structs.replace(each, observation=found, documents=documents if wants else ())
            for event in events
            for each, wants in self._of(event)
        )

    def _of(self, event: Event) -> list[tuple[Delivery, bool]]:
        told = [
            (_delivery(event, hook.endpoint, hook_id=hook.hook_id), hook.payload_type.with_documents)
            for hook in concerned(self.hooks, event.event_type, event.status)
        ]
        if self.webhook is not None and event.event_type is EventType.STATUS_CHANGE and event.status in _ENDED:
            told.append((_delivery(event, self.webhook.url, secret=self.webhook.secret), False))
        return told


def _delivery(event: Event, url: str, *, hook_id: str | None = None, secret: str | None = None) -> Delivery:
    return Delivery(
        delivery_id=new_id(),
        hook_id=hook_id,
        url=url,
        secret=secret,
        event=event,
        created_at=event.at,
        due_at=event.at,
    )


#: Nobody.
NOBODY: Final = Audience()
