"""Observations: read whole, as a stream or in pages, as plain JSON, or through a transform; and merged into."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from gateway import tracing
from gateway.core.label_json import label_json
from gateway.core.telling import Telling
from gateway.domain.access import Caller
from gateway.domain.deliveries import Event
from gateway.domain.hooks import EventType
from gateway.domain.ids import known_form, new_id, now
from gateway.domain.observations import OBSERVATION_TAIL, Entry, Given, entry_json, observation_head
from gateway.limits import ENTRIES_PER_READ
from gateway.ports import EntryStore, Transformer


class EntryPage:
    """Some entries of an observation as one document, and where the next page begins, if there is one."""

    def __init__(self, document: bytes, next_cursor: str | None):
        self.document = document
        self.next_cursor = next_cursor


class Observations:
    """Reads and merges observations."""

    def __init__(
        self, store: EntryStore, transformer: Transformer, telling: Telling, *, clock: Callable[[], datetime] = now
    ):
        self._store = store
        self._transformer = transformer
        self._telling = telling
        self._clock = clock

    def stream(self, caller: Caller, execution_id: str, *, superseded: bool = False) -> AsyncIterator[bytes]:
        """The whole observation as a JSON document; see `streamed`."""
        return streamed(self._store, caller.sees, execution_id, superseded=superseded)

    async def document(self, caller: Caller, execution_id: str) -> bytes:
        """The whole observation as one JSON document.

        Raises:
            ExecutionNotFound, ResultGone: there is none.
        """
        return b"".join([piece async for piece in self.stream(caller, execution_id)])

    async def page(
        self, caller: Caller, execution_id: str, limit: int, after: int | None, *, superseded: bool = False
    ) -> EntryPage:
        """Some entries, as an observation of their own.

        Raises:
            ExecutionNotFound, ResultGone: there is none.
        """
        name = known_form(execution_id)
        found = await self._store.page(caller.sees, name, limit + 1, after or 0, superseded=superseded)
        pieces = b",".join(entry_json(entry) for _, entry in found[:limit])
        more = str(found[limit - 1][0]) if len(found) > limit else None
        return EntryPage(observation_head(execution_id) + pieces + OBSERVATION_TAIL, more)

    async def merge(self, caller: Caller, execution_id: str, given: Sequence[Given]) -> None:
        """Replace the content of entries whose ID is known, and append the others.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        at = self._clock()
        event = Event(
            event_type=EventType.OBSERVATION_UPDATE,
            at=at,
            execution_id=known_form(execution_id),
            trace=tracing.carried(),
        )
        told = await self._telling.about(caller.sees, event)
        await self._store.merge(caller.sees, execution_id, seeded(given, at), told)
        self._telling.ring(told)

    def plain(self, observation: bytes) -> bytes:
        """The plain JSON form of an observation in hand: labels become keys."""
        return label_json(observation)

    async def json(self, caller: Caller, execution_id: str) -> bytes:
        """The plain JSON form of a stored observation: labels become keys.

        Raises:
            ExecutionNotFound, ResultGone: there is none.
        """
        return label_json(await self.document(caller, execution_id))

    async def transform(self, caller: Caller, execution_id: str, expression: str) -> bytes | None:
        """What a JSONata expression makes of a stored observation.

        Raises:
            ExecutionNotFound, ResultGone: there is none.
            TransformInvalid, TransformLimit: the expression is wrong, or too costly.
        """
        return await self.transformed(await self.document(caller, execution_id), expression)

    async def transformed(self, observation: bytes, expression: str) -> bytes | None:
        """What a JSONata expression makes of an observation in hand.

        Raises:
            TransformInvalid, TransformLimit: the expression is wrong, or too costly.
        """
        with tracing.span("transform"):
            return await self._transformer.transform(expression, observation)


async def streamed(
    store: EntryStore, sees: str | None, execution_id: str, *, superseded: bool = False
) -> AsyncIterator[bytes]:
    """A whole observation as a JSON document, piece by piece: it is never held all at once.

    Raises:
        ExecutionNotFound, ResultGone: before the first piece.
    """
    name, separator = known_form(execution_id), b""
    entries = await store.page(sees, name, ENTRIES_PER_READ, 0, superseded=superseded)
    yield observation_head(execution_id)
    while entries:
        yield separator + b",".join(entry_json(entry) for _, entry in entries)
        separator = b","
        if len(entries) < ENTRIES_PER_READ:
            break
        entries = await store.page(sees, name, ENTRIES_PER_READ, entries[-1][0], superseded=superseded)
    yield OBSERVATION_TAIL


def seeded(given: Sequence[Given], at: datetime) -> tuple[Entry, ...]:
    """Entries of a caller's own."""
    return tuple(
        Entry(entry_id=each.entry_id or new_id(), media_id=each.media_id, created_at=at, content=each.content)
        for each in given
    )
