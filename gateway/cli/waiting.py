"""Waiting for runs in the background, also while a gateway starts anew."""

import threading
import time
from collections.abc import Iterator
from typing import Final

from gateway.sdk.client import Client, Json
from gateway.sdk.errors import ClientError, Refused

#: Seconds for which a gateway may be away.
PATIENCE: Final = 60.0
#: Seconds that one look may wait for the end.
_LOOK: Final = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_FOUND: Final = frozenset(("completed", "completed_with_errors"))


class Away:
    """How long nobody has answered."""

    def __init__(self) -> None:
        self._heard = time.monotonic()

    def heard(self) -> None:
        """Somebody has answered."""
        self._heard = time.monotonic()

    def bear(self, failure: ClientError) -> None:
        """Take a failure that passes.

        Raises:
            ClientError: it does not, or nobody has answered for too long.
        """
        passing = not isinstance(failure, Refused) or failure.retry_after is not None
        if not passing or time.monotonic() - self._heard > PATIENCE:
            raise failure


def ended(client: Client, run_id: str, timeout: float | None, stopped: threading.Event) -> Json | None:
    """The run when it has ended; None where the time is over before, or nobody wants it any more.

    Raises:
        ClientError: it cannot be looked at.
    """
    pause, began, away = _FIRST_PAUSE, time.monotonic(), Away()
    while True:
        left = _LOOK if timeout is None else began + timeout - time.monotonic()
        try:
            run = client.run(run_id, wait=min(max(left, 0.001), _LOOK))
            away.heard()
            if is_done(run):
                return run
        except ClientError as failure:
            away.bear(failure)
        if left <= 0 or stopped.wait(pause):
            return None
        pause = min(1.5 * pause, _LONGEST_PAUSE)


def followed(client: Client, run_id: str) -> Iterator[Json]:
    """The events of a run up to its end, the last of which is the run.

    Raises:
        ClientError: it cannot be followed.
    """
    told, away = 0, Away()
    while True:
        try:
            for event in client.events(run_id, told):
                away.heard()
                yield event
                if is_done(event):
                    return
                told = event["sequence"]
        except ClientError as failure:
            if not told:
                raise
            away.bear(failure)
        time.sleep(_LONGEST_PAUSE / 2)


def is_done(run: Json) -> bool:
    """Whether a run has ended."""
    return bool(run.get("done"))


def has_found(run: Json) -> bool:
    """Whether a run that has ended found something."""
    return run["state"] in _FOUND


def said_of(run: Json) -> str:
    """Why a run found nothing."""
    return str((run.get("error") or {}).get("message", f"The run is {run['state']}."))
