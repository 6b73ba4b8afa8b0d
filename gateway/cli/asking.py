"""What `pipeline run` asks of the gateway for each file, and the line that comes of it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from gateway.sdk.call import Call
from gateway.sdk.client import Accepted, Client, Ran
from gateway.sdk.errors import ClientError, Refused, Unreachable

T = TypeVar("T")

#: Refusals that left nothing behind and that pass: the same is asked again.
_PASSING: Final = frozenset(("queue.full", "pipeline.not_ready", "gateway.draining"))
#: Seconds within which they have to pass where no --timeout says otherwise.
_PATIENCE: Final = 60.0
_FIRST_LOOK, _LONGEST_PAUSE = 0.05, 2.0
_GOING: Final = frozenset(("queued", "running"))
_FOUND: Final = frozenset(("completed", "completed_with_errors"))


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
                return self._ran(name, self._patiently(lambda: self._execute(call)))
            accepted = self._patiently(lambda: self.client.accept(self.pipeline, call))
            return self._waited(name, accepted) if self.waiting else Line(name, accepted.execution_id, accepted.run_id)
        except Unreachable:
            raise
        except ClientError as failure:
            return Line(name, error=str(failure))
        except OSError as failure:
            return Line(name, error=f"{failure.strerror or failure}.")

    def _execute(self, call: Call) -> Ran:
        return self.client.execute(self.pipeline, call, timeout=self.timeout, transform=self.transform)

    def _ran(self, name: str | None, ran: Ran) -> Line:
        found = _one_line(ran.found)
        if self.transform:
            return Line(name, ran.execution_id, ran.run_id, transformed=found)
        return Line(name, ran.execution_id, ran.run_id, observation=found)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """The answer, where one comes of asking again."""
        deadline = time.monotonic() + (self.timeout or _PATIENCE)
        while True:
            try:
                return ask()
            except Refused as refusal:
                pause = refusal.retry_after or 1.0
                late = time.monotonic() + pause > deadline
                if refusal.code not in _PASSING or late or self.stopped.wait(pause):
                    raise

    def _waited(self, name: str | None, accepted: Accepted) -> Line:
        """The line of a run in the background, when it has ended."""
        state, said = self._end(accepted.run_id)
        if state not in _FOUND:
            return Line(name, error=said)
        whole = b"".join(self.client.observation(accepted.execution_id))
        found = _of_run(whole, accepted.run_id) if "executionId" in self.fields else msgspec.Raw(whole)
        return Line(name, accepted.execution_id, accepted.run_id, observation=_one_line(found))

    def _end(self, run_id: str) -> tuple[str, str]:
        """The last state of a run, and why it failed if it did."""
        pause, began = _FIRST_LOOK, time.monotonic()
        heard = began
        while not self.stopped.wait(pause):
            pause = min(1.5 * pause, _LONGEST_PAUSE)
            try:
                run = self.client.run(run_id)
                heard = time.monotonic()
                if run["state"] not in _GOING:
                    return run["state"], (run.get("error") or {}).get("message", f"The run is {run['state']}.")
            except ClientError as failure:
                # The run goes on while the gateway starts anew; it is looked for again.
                passing = not isinstance(failure, Refused) or failure.retry_after is not None
                if not passing or time.monotonic() - heard > _PATIENCE:
                    raise
            if self.timeout is not None and time.monotonic() - began > self.timeout:
                break
        return "running", f"The run has not ended in time and goes on: gateway run show {run_id} tells."


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
