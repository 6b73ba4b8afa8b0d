"""Records that are kept no longer: of each kind by its own time, a few to a transaction, until none is left."""

from collections.abc import Awaitable, Callable
from functools import partial

from gateway.domain.retention import Retention, Swept
from gateway.ports import RetentionStore

Look = Callable[[], Awaitable[Swept]]


def expiring(store: RetentionStore, retention: Retention) -> dict[str, Callable[[], Awaitable[int]]]:
    """What removes each kind of records, by its name; it says how many it removed, and raises StorageUnavailable."""
    looks: dict[str, Look] = {"executions_due": store.expire_due, "files_due": store.expire_files_due}
    looks |= {str(kept): partial(store.expire, kept, seconds) for kept, seconds in retention.spans().items()}
    return {name: partial(_all, look) for name, look in looks.items()}


async def _all(look: Look) -> int:
    removed = 0
    while True:
        swept = await look()
        removed += swept.removed
        if not swept.more:
            return removed
