"""How long what is kept is kept."""

import enum
from datetime import datetime, timedelta

import msgspec

from gateway.domain.executions import Execution
from gateway.domain.files import FileRecord
from gateway.settings import Settings


class Kept(enum.StrEnum):
    """What is kept for a time that the settings say."""

    EXECUTIONS = "executions"
    TRANSIENT = "transient"
    MEDIA = "media"
    FILES = "files"
    KEYS = "keys"
    DELIVERIES = "deliveries"
    QUEUE_LOG = "queue_log"
    QUEUE_STATISTICS = "queue_statistics"


class Swept(msgspec.Struct, frozen=True):
    """What came of one look for what is kept no longer."""

    #: How much of it was removed.
    removed: int
    #: There may be more of it.
    more: bool


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for which each is kept; 0 is for ever."""

    executions: float
    transient: float
    media: float
    files: float
    keys: float
    deliveries: float
    queue_log: float

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """What the settings say."""
        return cls(
            executions=settings.execution_retention,
            transient=settings.transient_retention,
            media=settings.media_retention,
            files=settings.file_retention,
            keys=settings.key_retention,
            deliveries=settings.delivery_retention,
            queue_log=settings.queue_log_retention,
        )

    def spans(self) -> dict[Kept, float]:
        """What is not kept for ever, and for how many seconds."""
        spans = {
            Kept.EXECUTIONS: self.executions,
            Kept.TRANSIENT: self.transient,
            Kept.MEDIA: self.media,
            Kept.FILES: self.files,
            Kept.KEYS: self.keys,
            Kept.DELIVERIES: self.deliveries,
            Kept.QUEUE_LOG: self.queue_log,
            Kept.QUEUE_STATISTICS: self.queue_log,
        }
        return {kept: seconds for kept, seconds in spans.items() if seconds}

    def shown(self, execution: Execution) -> Execution:
        """The execution with the time when it is removed, if it has one by now."""
        return msgspec.structs.replace(execution, expires_at=self._expiry(execution))

    def file_shown(self, record: FileRecord) -> FileRecord:
        """The file with the time when it is removed, if it has one."""
        seconds = self.files if record.ttl is None else record.ttl
        expiry = record.created_at + timedelta(seconds=seconds) if seconds else None
        return msgspec.structs.replace(record, expires_at=expiry)

    def _expiry(self, execution: Execution) -> datetime | None:
        seconds = execution.ttl
        if seconds is None:
            seconds = self.transient if execution.transient else self.executions
        unfinished = execution.state is not None and not execution.state.ended
        if not seconds or unfinished or execution.changed_at is None:
            return None
        return execution.changed_at + timedelta(seconds=seconds)
