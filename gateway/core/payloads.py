"""What a receiver is sent: the observation in the form that its hook asks for, or a thin notice of what happened."""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.core.label_json import label_json
from gateway.core.multipart import Document, Form, form
from gateway.domain.deliveries import Event
from gateway.domain.hooks import EventType, Hook, PayloadType
from gateway.domain.ids import rfc3339
from gateway.domain.runs import RunError
from gateway.errors import TooLarge
from gateway.limits import MAX_DELIVERY_BYTES
from gateway.ports import Transformer

_JSON: Final = "application/json"
_NAMES: Final = {EventType.OBSERVATION_UPDATE: "observation.updated", EventType.SUBMIT: "execution.submitted"}


class _Links(msgspec.Struct, omit_defaults=True):
    execution: str
    observation: str
    run: str | None = None


class _Data(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    execution_id: str
    run_id: str | None = None
    pipeline_id: str | None = None
    pipeline_version: int | None = None
    status: str | None = None
    error: RunError | None = None
    urls: _Links
    #: Where the record keeps none.
    observation: msgspec.Raw | None = None


class _Notice(msgspec.Struct):
    """The body of Standard Webhooks: what happened, when, and to what."""

    type: str
    timestamp: str
    data: _Data


class Payloads:
    """Makes the bodies of deliveries."""

    def __init__(self, transformer: Transformer):
        self._transformer = transformer

    async def of_hook(self, hook: Hook, event: Event, observation: bytes, documents: Sequence[Document]) -> Form:
        """The body that `hook` wants of an observation document; `documents` go along where it wants them.

        Raises:
            TransformInvalid, TransformLimit, InvalidRequest: it cannot be made of this observation.
            TooLarge: it is larger than one delivery may be.
        """
        content = await self._content(hook, event, observation)
        if not hook.payload_type.with_documents:
            return _bounded(Form(content, _JSON))
        _refuse_size(len(content) + sum(len(each.data) for each in documents))
        return _bounded(form(hook.form_payload_key, content, hook.form_document_key, documents))

    async def _content(self, hook: Hook, event: Event, observation: bytes) -> bytes:
        kind = hook.payload_type.content
        if kind is PayloadType.JSON:
            return label_json(observation)
        told = with_event(observation, event)
        if kind is PayloadType.RAW:
            return told
        return await self._transformer.transform(hook.transform or "$", told) or b"null"


def notice(event: Event, observation: bytes | None = None) -> Form:
    """The body for an address that one call named: what happened, and where to read more.

    What was found stands in it only where nothing else holds it: `observation` is that of a transient run.
    """
    made = _notice(event)
    if observation is not None:
        made.data.observation = msgspec.Raw(observation)
    return _bounded(Form(msgspec.json.encode(made), _JSON))


def with_event(observation: bytes, event: Event) -> bytes:
    """The observation, unchanged, with the notice under `event` behind its own fields."""
    return observation[:-1] + b',"event":' + msgspec.json.encode(_notice(event)) + b"}"


def _notice(event: Event) -> _Notice:
    execution = f"/v1/executions/{event.execution_id}"
    data = _Data(
        execution_id=event.execution_id,
        run_id=event.run_id,
        pipeline_id=event.pipeline_id,
        pipeline_version=event.pipeline_version,
        status=event.status,
        error=event.error,
        urls=_Links(execution, f"{execution}/observation", f"/v1/runs/{event.run_id}" if event.run_id else None),
    )
    return _Notice(_name(event), rfc3339(event.at), data)


def _name(event: Event) -> str:
    """`run.completed` and its like, for what happened to the status; else what happened to the execution."""
    return _NAMES.get(event.event_type) or f"run.{(event.status or 'unknown').lower()}"


def _bounded(made: Form) -> Form:
    _refuse_size(len(made.body))
    return made


def _refuse_size(size: int) -> None:
    if size > MAX_DELIVERY_BYTES:
        raise TooLarge("What the hook asks for is larger than one delivery may be.")
