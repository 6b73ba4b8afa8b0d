"""A hook: the wish to be told of what happens to executions, in Cambrion's words; and the rules of its fields."""

import enum
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from gateway.domain.runs import RunState
from gateway.domain.signing import check_secrets
from gateway.errors import InvalidInput
from gateway.limits import (
    MAX_HEADER_CHARACTERS,
    MAX_HOOK_HEADERS,
    MAX_NAME_CHARACTERS,
    MAX_TRANSFORM_CHARACTERS,
    MAX_URL_CHARACTERS,
)


class EventType(enum.StrEnum):
    """What a hook can be told of."""

    STATUS_CHANGE = "STATUS_CHANGE"
    OBSERVATION_UPDATE = "OBSERVATION_UPDATE"
    SUBMIT = "SUBMIT"


class HookType(enum.StrEnum):
    """How it is told."""

    WEBHOOK = "WEBHOOK"


class PayloadType(enum.StrEnum):
    """What it is sent: the observation, its plain JSON, or what a transform makes of it; FORM_ adds the documents."""

    RAW = "RAW"
    JSON = "JSON"
    TRANSFORM = "TRANSFORM"
    FORM_RAW = "FORM_RAW"
    FORM_JSON = "FORM_JSON"
    FORM_TRANSFORM = "FORM_TRANSFORM"

    @property
    def with_documents(self) -> bool:
        """Whether the processed documents are sent along, in a multipart form."""
        return self.startswith("FORM_")

    @property
    def content(self) -> "PayloadType":
        """The same without the documents."""
        return PayloadType(self.removeprefix("FORM_"))


#: What an execution's status can be, as callers see it.
STATUSES: Final = frozenset(state.upper() for state in RunState)

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE: Final = re.compile(r"(?! )[\x20-\x7e]*(?<! )")
_FORM_KEY: Final = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
#: The headers that tell of the event, beside the body that Cambrion's receivers expect.
EXECUTION_HEADER: Final = "X-Execution-Id"
RUN_HEADER: Final = "X-Run-Id"
EVENT_HEADER: Final = "X-Event-Type"
STATUS_HEADER: Final = "X-Execution-Status"
#: What only the gateway says: how the body is framed, who signed it, what it tells of, its trace.
_OURS: Final = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        *(name.lower() for name in (EXECUTION_HEADER, RUN_HEADER, EVENT_HEADER, STATUS_HEADER)),
    )
)
_OUR_PREFIXES: Final = ("webhook-", "proxy-")


class Hook(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One hook; `secrets` sign what it is sent, all of them at once, so that one can take the place of another."""

    hook_id: str
    event_type: EventType
    endpoint: str
    payload_type: PayloadType
    created_at: datetime
    hook_type: HookType = HookType.WEBHOOK
    name: str = ""
    headers: Mapping[str, str] = {}
    #: Which statuses a STATUS_CHANGE hook is told of; empty is all.
    status_filter: tuple[str, ...] = ()
    transform: str | None = None
    form_payload_key: str = "payload"
    form_document_key: str = "documents"
    enabled: bool = True
    secrets: tuple[str, ...] = ()
    #: Whose it is.
    owner: str = ""

    def check(self) -> None:
        """Refuse what no delivery can be made with; whether the endpoint may be reached at all is the courier's word.

        Raises:
            InvalidInput: which field is wrong.
        """
        if len(self.name) > MAX_NAME_CHARACTERS:
            raise InvalidInput(f"The name of a hook has at most {MAX_NAME_CHARACTERS} characters.", field="name")
        check_endpoint(self.endpoint, "endpoint")
        check_headers(self.headers)
        check_secrets(self.secrets)
        self._check_filter()
        self._check_payload()

    def _check_filter(self) -> None:
        if self.status_filter and self.event_type is not EventType.STATUS_CHANGE:
            raise InvalidInput("Only a STATUS_CHANGE hook has a filter of statuses.", field="statusFilter")
        if not STATUSES.issuperset(self.status_filter):
            raise InvalidInput(f"A status is one of {', '.join(sorted(STATUSES))}.", field="statusFilter")

    def _check_payload(self) -> None:
        if (self.payload_type.content is PayloadType.TRANSFORM) != bool(self.transform):
            raise InvalidInput("TRANSFORM and FORM_TRANSFORM need a transform; no other has one.", field="transform")
        if self.transform is not None and len(self.transform) > MAX_TRANSFORM_CHARACTERS:
            raise InvalidInput(f"A transform has at most {MAX_TRANSFORM_CHARACTERS} characters.", field="transform")
        for field, key in (("formPayloadKey", self.form_payload_key), ("formDocumentKey", self.form_document_key)):
            if not _FORM_KEY.fullmatch(key):
                raise InvalidInput("A form key is 1 to 64 letters, digits, '_', '.', '-' or brackets.", field=field)

    def concerns(self, event_type: EventType, status: str | None) -> bool:
        """Whether it wants to be told of an event of this type, which found the execution in this status."""
        if not self.enabled or event_type is not self.event_type:
            return False
        return not self.status_filter or status in self.status_filter


class HookPage(msgspec.Struct, frozen=True):
    """Some hooks of a list, and where the next page begins, if there is one."""

    hooks: list[Hook]
    next_cursor: str | None


def concerned(hooks: Iterable[Hook], event_type: EventType, status: str | None) -> list[Hook]:
    """Those of an execution's hooks that an event concerns."""
    return [hook for hook in hooks if hook.concerns(event_type, status)]


def check_endpoint(url: str, field: str) -> None:
    """Refuse an address that is none.

    Raises:
        InvalidInput: it is empty, too long, or holds what no address may, such as NUL, which no record takes.
    """
    if not url.isprintable() or " " in url:
        raise InvalidInput("An address has no spaces, and nothing that is not printable.", field=field)
    if not 0 < len(url) <= MAX_URL_CHARACTERS:
        raise InvalidInput(f"An address has 1 to {MAX_URL_CHARACTERS} characters.", field=field)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that would change how a delivery is framed, signed or told apart.

    Raises:
        InvalidInput: which rule they break.
    """
    if len(headers) > MAX_HOOK_HEADERS:
        raise InvalidInput(f"A hook has at most {MAX_HOOK_HEADERS} headers.", field="headers")
    names = [name.lower() for name in headers]
    if len(set(names)) < len(names):
        raise InvalidInput("Two headers have the same name.", field="headers")
    if not all(map(_TOKEN.fullmatch, names)):
        raise InvalidInput("The name of a header is 1 to 64 letters, digits or '-'.", field="headers")
    if not _OURS.isdisjoint(names) or any(name.startswith(_OUR_PREFIXES) for name in names):
        raise InvalidInput("A hook cannot set this header: the gateway does.", field="headers")
    for value in headers.values():
        if len(value) > MAX_HEADER_CHARACTERS or not _VALUE.fullmatch(value):
            raise InvalidInput("The value of a header is printable ASCII, of bounded length.", field="headers")
