"""A delivery: one telling of one event to one receiver, tried again until it is taken or given up."""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gateway.domain.calls import StoredMedia
from gateway.domain.hooks import EVENT_HEADER, EXECUTION_HEADER, RUN_HEADER, STATUS_HEADER, EventType
from gateway.domain.runs import RunError
from gateway.limits import LONGEST_DELAY

#: Seconds before each try, from the end of the one before.
SCHEDULE: Final = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
#: The share of a wait by which chance makes it longer, so that receivers that were down are not all met at once.
_JITTER: Final = 0.1

#: The receiver is gone, and says so.
_GONE: Final = 410
#: Refusals of a request that another time may bring the answer to.
_PASSING: Final = frozenset((408, 425, 429))


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What happened to an execution; `status` is the execution's own, in upper case."""

    event_type: EventType
    at: datetime
    execution_id: str
    status: str | None = None
    run_id: str | None = None
    pipeline_id: str | None = None
    pipeline_version: int | None = None
    error: RunError | None = None
    #: The headers of the trace in which it happened.
    trace: dict[str, str] = {}

    def headers(self) -> dict[str, str]:
        """What a receiver can tell without reading the body."""
        told = {
            EVENT_HEADER: str(self.event_type),
            EXECUTION_HEADER: self.execution_id,
            RUN_HEADER: self.run_id,
            STATUS_HEADER: self.status,
        }
        return {name: value for name, value in told.items() if value is not None}


class DeliveryState(enum.StrEnum):
    """Where a delivery stands; `canceled` is one whose hook was deleted or disabled before it was taken."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"


class Failure(enum.StrEnum):
    """Why a sending was not taken."""

    STATUS = "status"
    REDIRECT = "redirect"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    #: The connection broke, or what came was no HTTP answer of bounded size.
    BROKEN = "broken"
    DNS = "dns"
    TLS = "tls"
    FORBIDDEN = "forbidden_target"
    #: There is nothing to send: its transform failed, its observation is gone, it is too large.
    PAYLOAD = "payload"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One sending: the same webhook ID at every try, the time of this one, and a signature by every secret."""

    url: str
    webhook_id: str
    at: datetime
    body: bytes
    content_type: str
    headers: Mapping[str, str] = {}
    secrets: tuple[str, ...] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one sending; it was taken where there is no failure."""

    failure: Failure | None = None
    status: int | None = None
    seconds: float = 0.0
    #: Seconds after which the receiver wants to be asked again.
    retry_after: float | None = None
    #: The beginning of its answer, printable.
    excerpt: str = ""

    @property
    def disables_hook(self) -> bool:
        """Whether the receiver never wants to be told of anything again."""
        return self.status == _GONE


class Delivery(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The record of one delivery; its ID is the `webhook-id` of every try."""

    delivery_id: str
    #: None for an address that one call alone named.
    hook_id: str | None = None
    url: str
    event: Event
    #: What signs it, where it belongs to no hook.
    secret: str | None = None
    #: What the record does not keep, and the body needs: the observation of a transient run.
    observation: bytes | None = None
    #: The media that are sent along.
    documents: tuple[StoredMedia, ...] = ()
    created_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    #: How often it was tried.
    attempt: int = 0
    #: When it is tried next; None where it is not.
    due_at: datetime | None = None
    #: What came of the last try.
    last_attempt_at: datetime | None = None
    last_status: int | None = None
    last_failure: Failure | None = None
    last_excerpt: str = ""
    ended_at: datetime | None = None

    @property
    def receiver(self) -> str:
        """Whom it goes to; deliveries to one receiver share its places, so that none takes those of another."""
        return receiver_of(self.url)

    def after(self, receipt: Receipt, at: datetime, chance: float) -> "Delivery":
        """The record after its `attempt`th try, which ended `at`; `chance` in [0, 1) spreads the next one."""
        tried = msgspec.structs.replace(
            self,
            last_attempt_at=at,
            last_status=receipt.status,
            last_failure=receipt.failure,
            last_excerpt=receipt.excerpt,
            due_at=None,
            ended_at=at,
        )
        if receipt.failure is None:
            return msgspec.structs.replace(tried, state=DeliveryState.DELIVERED)
        wait = self._wait(receipt, chance)
        if wait is None:
            return msgspec.structs.replace(tried, state=DeliveryState.FAILED)
        return msgspec.structs.replace(tried, due_at=at + timedelta(seconds=wait), ended_at=None)

    def _wait(self, receipt: Receipt, chance: float) -> float | None:
        if self.attempt >= len(SCHEDULE) or self._is_final(receipt):
            return None
        wait = SCHEDULE[self.attempt] * (1 + _JITTER * chance)
        return max(wait, min(receipt.retry_after or 0.0, LONGEST_DELAY))

    def _is_final(self, receipt: Receipt) -> bool:
        """Whether no other try can fare better; the address of one call is not asked again after a refusal."""
        if receipt.failure is Failure.PAYLOAD or receipt.disables_hook:
            return True
        refused = receipt.status is not None and 400 <= receipt.status < 500 and receipt.status not in _PASSING
        return refused and self.hook_id is None

    def canceled(self, at: datetime) -> "Delivery":
        """The record where nobody wants to be told any more."""
        return msgspec.structs.replace(self, state=DeliveryState.CANCELED, due_at=None, ended_at=at)

    def resent(self, at: datetime) -> "Delivery":
        """The record as it is when somebody asks for it to be sent again: from the first try on, under the same ID."""
        return msgspec.structs.replace(self, state=DeliveryState.PENDING, attempt=0, due_at=at, ended_at=None)


class DeliveryPage(msgspec.Struct, frozen=True):
    """Some deliveries of a list, and where the next page begins, if there is one."""

    deliveries: list[Delivery]
    next_cursor: str | None


def receiver_of(url: str) -> str:
    """Host and port of an address."""
    return urlsplit(url).netloc.lower()
