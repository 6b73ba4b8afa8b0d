"""What `pipeline run` asks of the gateway for each file, and the line that comes of it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from gateway.cli.waiting import PATIENCE, ended, has_found, said_of
from gateway.sdk.call import Call
from gateway.sdk.client import Accepted, Client, Ran, new_key
from gateway.sdk.errors import ClientError, ConnectionLost, Refused, Unreachable

T = TypeVar("T")

#: Refusals that left nothing behind and that pass, or that tell of a try before: the same is asked again.
_PASSING: Final = frozenset(("queue.full", "pipeline.not_ready", "gateway.draining", "idempotency.in_flight"))
_GOES_ON: Final = "The run has not ended in time and goes on: gateway run show {} tells."


class Line(msgspec.Struct, rename="camel", omit_defaults=True):
    """The line of one file; without a file it is that of a call on text or on stored media."""

    file: str | None
    execution_id: str | None = None
    run_id: str | None = None
    observation: msgspec.Raw | None = None
    #: What --transform made of the observation.
    transformed: msgspec.Raw | None = None
    error: str | None = None


class _Observation(msgspec.Struct, rename="camel"):
    execution_id: str
    media_contents: list[msgspec.Raw]
    documents: msgspec.Raw


class _Entry(msgspec.Struct, rename="camel"):
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One question, to be asked for each file."""

    client: Client
    pipeline: str
    fields: Mapping[str, object]
    timeout: float | None = None
    transform: bool = False
    in_background: bool = False
    waiting: bool = False
    #: The caller's own name of the call; else each has one that is made up.
    key: str | None = None
    #: Set when the answers are no longer wanted.
    stopped: threading.Event = field(default_factory=threading.Event)

    def line(self, file: Path | None) -> Line:
        """The line of this file.

        Raises:
            Unreachable: no gateway answers.
        """
        name = None if file is None else shown_path(file)
        try:
            call = Call(self.fields, file)
            if not self.in_background:
                return self._ran(name, self._patiently(lambda key: self._execute(call, key)))
            accepted = self._patiently(lambda key: self.client.accept(self.pipeline, call, key=key))
            return self._waited(name, accepted) if self.waiting else Line(name, accepted.execution_id, accepted.run_id)
        except Unreachable:
            raise
        except ClientError as failure:
            return Line(name, error=str(failure))
        except OSError as failure:
            return Line(name, error=f"{failure.strerror or failure}.")

    def _execute(self, call: Call, key: str) -> Ran:
        return self.client.execute(self.pipeline, call, timeout=self.timeout, transform=self.transform, key=key)

    def _ran(self, name: str | None, ran: Ran) -> Line:
        found = _one_line(ran.found)
        if self.transform:
            return Line(name, ran.execution_id, ran.run_id, transformed=found)
        return Line(name, ran.execution_id, ran.run_id, observation=found)

    def _patiently(self, ask: Callable[[str], T]) -> T:
        """The answer, where one comes of asking again: always under one key, so that nothing is done twice."""
        key, deadline, away = self.key or new_key(), time.monotonic() + (self.timeout or PATIENCE), True
        while True:
            try:
                return ask(key)
            except ClientError as failure:
                pause = _pause(failure, away=away)
                late = pause is None or time.monotonic() + pause > deadline
                if late or self.stopped.wait(pause):
                    raise
                away = False

    def _waited(self, name: str | None, accepted: Accepted) -> Line:
        """The line of a run in the background, when it has ended."""
        run = ended(self.client, accepted.run_id, self.timeout, self.stopped)
        if run is None:
            return Line(name, error=_GOES_ON.format(accepted.run_id))
        if not has_found(run):
            return Line(name, error=said_of(run))
        whole = b"".join(self.client.observation(accepted.execution_id))
        found = _of_run(whole, accepted.run_id) if "executionId" in self.fields else msgspec.Raw(whole)
        return Line(name, accepted.execution_id, accepted.run_id, observation=_one_line(found))


def _pause(failure: ClientError, *, away: bool) -> float | None:
    """Seconds after which to ask again, None where that helps nothing; `away` is a gateway that never answered."""
    if isinstance(failure, Refused):
        return (failure.retry_after or 1.0) if failure.code in _PASSING else None
    lost = isinstance(failure, ConnectionLost) or (isinstance(failure, Unreachable) and not away)
    return 1.0 if lost else None


def shown_path(path: Path) -> str:
    """A path as text, whatever bytes it holds."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def _of_run(whole: bytes, run_id: str) -> msgspec.Raw:
    """Of an observation what this run found."""
    observation = msgspec.json.decode(whole, type=_Observation)
    entries = observation.media_contents
    observation.media_contents = [each for each in entries if msgspec.json.decode(each, type=_Entry).run_id == run_id]
    return msgspec.Raw(msgspec.json.encode(observation))


def _one_line(document: msgspec.Raw) -> msgspec.Raw:
    """The document without line breaks: a model's own JSON may have some between its parts."""
    text = bytes(document)
    return msgspec.Raw(msgspec.json.format(text, indent=-1)) if b"\n" in text else document
