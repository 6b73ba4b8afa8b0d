"""Letters: what a delivery says at the moment when it is sent."""

from datetime import datetime

from gateway import tracing
from gateway.core.multipart import Document, Form
from gateway.core.observations import streamed
from gateway.core.payloads import Payloads, notice
from gateway.domain.access import EVERYTHING
from gateway.domain.deliveries import Delivery, Letter
from gateway.domain.hooks import Hook
from gateway.domain.media_types import sniff
from gateway.errors import TooLarge
from gateway.limits import MAX_DELIVERY_BYTES
from gateway.ports import BlobStore, EntryStore, HookStore


class Letters:
    """Writes letters."""

    def __init__(self, hooks: HookStore, entries: EntryStore, payloads: Payloads, blobs: BlobStore):
        self._hooks = hooks
        self._entries = entries
        self._payloads = payloads
        self._blobs = blobs

    async def written(self, delivery: Delivery, at: datetime) -> Letter | None:
        """The letter of a delivery; None where its hook is gone or disabled.

        Address, headers and secrets are those that the hook has now, and so is the observation.

        Raises:
            InvalidRequest, NotFound: there is nothing to send.
            Unavailable: a store is away.
        """
        if delivery.hook_id is None:
            secrets = (delivery.secret,) if delivery.secret else ()
            return _letter(delivery, at, delivery.url, notice(delivery.event, delivery.observation), {}, secrets)
        for hook in await self._hooks.find(EVERYTHING, [delivery.hook_id]):
            if hook.enabled:
                form = await self._form(hook, delivery)
                return _letter(delivery, at, hook.endpoint, form, dict(hook.headers), hook.secrets)
        return None

    async def _form(self, hook: Hook, delivery: Delivery) -> Form:
        observation = delivery.observation or await self._observation(delivery.event.execution_id)
        documents = await self._documents(delivery) if hook.payload_type.with_documents else []
        return await self._payloads.of_hook(hook, delivery.event, observation, documents)

    async def _observation(self, execution_id: str) -> bytes:
        found = bytearray()
        async for piece in streamed(self._entries, EVERYTHING, execution_id):
            found += piece
            _refuse_size(len(found))
        return bytes(found)

    async def _documents(self, delivery: Delivery) -> list[Document]:
        found: list[Document] = []
        for each in delivery.documents:
            data = await self._blobs.get(each.blob)
            kind = sniff(data) or "application/octet-stream"
            found.append(Document(media_id=each.media_id, content_type=kind, data=data))
            _refuse_size(sum(len(one.data) for one in found))
        return found


def _refuse_size(size: int) -> None:
    if size > MAX_DELIVERY_BYTES:
        raise TooLarge("What there is to send is larger than one delivery may be.")


def _letter(
    delivery: Delivery, at: datetime, url: str, form: Form, headers: dict[str, str], secrets: tuple[str, ...]
) -> Letter:
    return Letter(
        url=url,
        webhook_id=delivery.delivery_id,
        at=at,
        body=form.body,
        content_type=form.content_type,
        headers=headers | delivery.event.headers() | _trace(),
        secrets=secrets,
    )


def _trace() -> dict[str, str]:
    """The trace that the receiver may go on with; what else stands beside it is nobody else's."""
    return {name: value for name, value in tracing.carried().items() if name == tracing.TRACEPARENT}
