"""When a run is to begin, and what becomes of it when its caller waits no longer: fields that only some calls take."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from gateway.domain.ids import now
from gateway.domain.runs import Priority
from gateway.errors import InvalidInput
from gateway.limits import MAX_EXECUTE_AFTER

#: What `onTimeout` may be.
CANCEL: Final = "cancel"
CONTINUE: Final = "continue"
#: Earlier ones ask for nothing else, and the earliest are none to a database.
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule(msgspec.Struct, frozen=True):
    """How a call wants to be run."""

    priority: Priority = Priority.NORMAL
    execute_after: datetime | None = None
    #: It goes on in the background when the time of its caller is over.
    goes_on: bool = False


def checked_schedule(
    *, waits: bool, priority: str | None, execute_after: datetime | None, on_timeout: str | None
) -> Schedule:
    """The schedule that these fields ask for; `waits` is a call that is waited for.

    Raises:
        InvalidInput: one of them is none, or has no place in this call.
    """
    if on_timeout not in (None, CANCEL, CONTINUE):
        raise InvalidInput(f"It is `{CANCEL}` or `{CONTINUE}`.", field="onTimeout")
    if on_timeout is not None and not waits:
        raise InvalidInput("Nobody waits for a run in the background: leave it out.", field="onTimeout")
    goes_on = on_timeout == CONTINUE
    for field, value in (("priority", priority), ("executeAfter", execute_after)):
        if value is not None and waits and not goes_on:
            raise InvalidInput("A call that is waited for begins at once: leave it out.", field=field)
    return Schedule(_priority(priority), _within_reach(execute_after), goes_on)


def _priority(given: str | None) -> Priority:
    try:
        return Priority.NORMAL if given is None else Priority(given)
    except ValueError:
        raise InvalidInput("It is `low`, `normal` or `high`.", field="priority") from None


def _within_reach(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment - now() > timedelta(seconds=MAX_EXECUTE_AFTER):
        raise InvalidInput(f"It is more than {MAX_EXECUTE_AFTER / 86400:g} days ahead.", field="executeAfter")
    if moment < _EARLIEST:
        raise InvalidInput(f"It is before {_EARLIEST.year}.", field="executeAfter")
    return moment
