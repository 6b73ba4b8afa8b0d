"""What this process knows of API keys: for a moment, and in bounded room."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.domain.access import Caller
from gateway.domain.api_keys import ApiKey
from gateway.errors import StorageUnavailable
from gateway.limits import KEY_FRESHNESS, KEYS_PER_LOOK, MAX_KNOWN_KEYS
from gateway.ports import ApiKeyStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database said of a key ID; `key` is None where there is none."""

    key: ApiKey | None
    #: Who holds it.
    caller: Caller | None
    #: When the database was asked.
    read_at: float


class KnownKeys:
    """The keys that callers came with.

    There is one statement at a time, for all IDs that somebody waits for, so that however many unknown keys are tried
    they take one connection; and they are remembered apart, so that they push no known key out.
    """

    def __init__(self, store: ApiKeyStore, seconds: Callable[[], float]):
        self._store = store
        self._seconds = seconds
        self._keys: dict[str, Known] = {}
        self._nobodys: dict[str, Known] = {}
        self._awaited: dict[str, asyncio.Future[Known]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def get(self, key_id: str) -> Known:
        """What the database said of this ID, at most `KEY_FRESHNESS` seconds before now.

        Raises:
            StorageUnavailable: nobody can say.
        """
        oldest = self._seconds() - KEY_FRESHNESS
        known = self._keys.get(key_id) or self._nobodys.get(key_id)
        # A statement may have begun long before we joined those who wait for it; the next one has not.
        while known is None or known.read_at < oldest:
            known = await self._answer(key_id)
        return known

    async def _answer(self, key_id: str) -> Known:
        """What the next statement says of this ID, or the one that is under way."""
        awaited = self._awaited.get(key_id)
        if awaited is None:
            awaited = self._awaited[key_id] = asyncio.get_running_loop().create_future()
            # Whoever waits may leave; nobody has to hear of a failure then.
            awaited.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(awaited)

    async def _look(self) -> None:
        while self._awaited:
            wanted = list(self._awaited)[:KEYS_PER_LOOK]
            read_at = self._seconds()
            try:
                found = {each.key_id: each for each in await self._store.find(wanted)}
            except StorageUnavailable:
                self._fail(wanted)
            except Exception:
                log.exception("keys.look_failed")
                self._fail(wanted)
            else:
                for key_id in wanted:
                    self._remember(key_id, found.get(key_id), read_at)

    def _remember(self, key_id: str, key: ApiKey | None, read_at: float) -> None:
        known = Known(key, None if key is None else key.caller, read_at)
        self._keys.pop(key_id, None)
        self._nobodys.pop(key_id, None)
        place = self._nobodys if key is None else self._keys
        place[key_id] = known
        while len(place) > MAX_KNOWN_KEYS:
            del place[next(iter(place))]
        self._awaited.pop(key_id).set_result(known)

    def _fail(self, wanted: Sequence[str]) -> None:
        for key_id in wanted:
            self._awaited.pop(key_id).set_exception(StorageUnavailable())
