"""Every stand-in that unit tests use: fakes of the ports, and small values of the domain."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.api.services import Services
from gateway.core.admission import Admission
from gateway.core.health import Health
from gateway.core.pipelines import Pipelines
from gateway.core.runs import Runs
from gateway.domain.executions import Execution, NewExecution
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Input, InputRole, Output, OutputRole, Pipeline, PipelineStatus, Port, Step
from gateway.domain.runs import Run, RunState
from gateway.domain.tensors import Value, frame
from gateway.errors import ExecutionNotFound, GatewayError, RunNotFound
from gateway.ports import Discovery, Dispatch, FinishedRun, Inference

START = datetime(2026, 11, 21, 7, 15, 0, 123456, tzinfo=UTC)
RUN_ID = "019aa000-0000-7000-8000-000000000001"
EXECUTION_ID = "019aa000-0000-7000-8000-000000000002"
ENTRY_ID = "019aa000-0000-7000-8000-000000000003"

Answer = Callable[[Inference, Dispatch], Awaitable[list[Value]]]


class SteppingClock:
    """A clock that moves on by one second each time it is read."""

    def __init__(self, start: datetime = START):
        self._next = start

    def __call__(self) -> datetime:
        moment, self._next = self._next, self._next + timedelta(seconds=1)
        return moment


class FakeEngine:
    """An `InferenceEngine` that answers as `answer` says, and remembers what it was asked."""

    def __init__(self, answer: Answer):
        self.answer = answer
        self.asked: list[Inference] = []
        self.canceled: list[Inference] = []
        self.at_once = 0
        self.most_at_once = 0
        self.closed = False

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        self.asked.append(inference)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.answer(inference, dispatch)
        except asyncio.CancelledError:
            self.canceled.append(inference)
            raise
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        self.closed = True


class FakeLedger:
    """A `Ledger` in memory; `failure` makes every write fail."""

    def __init__(self) -> None:
        self.finished: list[FinishedRun] = []
        self.failure: GatewayError | None = None
        self.answers = True

    async def finish(self, finished: FinishedRun) -> None:
        if self.failure is not None:
            raise self.failure
        self.finished.append(finished)

    async def execution(self, execution_id: str) -> Execution:
        found = [each for each in self.finished if each.execution.execution_id == execution_id]
        if not found:
            raise ExecutionNotFound
        new, run = found[-1].execution, found[-1].run
        return Execution(
            execution_id=new.execution_id,
            created_at=new.created_at,
            tag=new.tag,
            meta_data=new.meta_data,
            state=run.state,
            started_at=run.started_at,
            completed_at=run.completed_at,
            error=run.error,
        )

    async def run(self, run_id: str) -> Run:
        for each in self.finished:
            if each.run.run_id == run_id:
                return each.run
        raise RunNotFound

    async def runs(self, execution_id: str, limit: int, after: str | None) -> list[Run]:
        await self.execution(execution_id)
        runs = [each.run for each in self.finished if each.run.execution_id == execution_id]
        return [run for run in runs if after is None or run.run_id > after][:limit]

    async def entries(self, execution_id: str) -> list[Entry]:
        await self.execution(execution_id)
        return [
            entry for each in self.finished if each.execution.execution_id == execution_id for entry in each.entries
        ]

    async def ready(self) -> bool:
        return self.answers


class FakeSource:
    """A `PipelineSource` that shows what it is told to; a `failure` makes it unreachable."""

    def __init__(self, *pipelines: Pipeline):
        self.pipelines = list(pipelines)
        self.hidden: frozenset[str] = frozenset()
        self.failure: GatewayError | None = None
        self.looks = 0
        self._looked = asyncio.Condition()

    async def discover(self, known: dict[str, Pipeline]) -> Discovery:  # noqa: ARG002 - the port's signature
        async with self._looked:
            self.looks += 1
            self._looked.notify_all()
        if self.failure is not None:
            raise self.failure
        return Discovery(list(self.pipelines), self.hidden)

    async def ready(self) -> bool:
        return self.failure is None

    async def looked(self, times: int) -> None:
        """Wait until it was asked this often."""
        async with self._looked:
            await self._looked.wait_for(lambda: self.looks >= times)


class FakeStore:
    """A `PipelineStore` in memory; each of `failures` makes one write fail."""

    def __init__(self, *pipelines: Pipeline):
        self.kept = {each.pipeline_id: each for each in pipelines}
        self.saves: list[list[str]] = []
        self.failures: deque[GatewayError] = deque()

    async def load(self) -> list[Pipeline]:
        return list(self.kept.values())

    async def save(self, pipelines: Sequence[Pipeline]) -> None:
        if self.failures:
            raise self.failures.popleft()
        self.saves.append([each.pipeline_id for each in pipelines])
        self.kept |= {each.pipeline_id: each for each in pipelines}


class FakeImages:
    """An `ImageDecoder` for which every media is one picture of 2 x 3 pixels; a `failure` makes it refuse."""

    def __init__(self) -> None:
        self.failure: GatewayError | None = None

    async def decode(self, name: str, encoded: bytes) -> Value:  # noqa: ARG002 - the port's signature
        if self.failure is not None:
            raise self.failure
        return Value(name, "UINT8", (2, 3, 3), (bytes(18),))


def text(name: str, *elements: bytes) -> Value:
    """A BYTES tensor of one dimension."""
    return Value(name, "BYTES", (len(elements),), (b"".join(frame(each) + each for each in elements),))


def answering(raw: bytes) -> Answer:
    """An answer that is the same one output for every inference."""

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        return [text("OBSERVATION", raw)]

    return answer


def failing(error: Exception) -> Answer:
    """An answer that is a failure."""

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        raise error

    return answer


def media_of(inference: Inference) -> bytes:
    """The media that an inference carries in its first input."""
    return bytes(inference.inputs[0].parts[-1])


MEDIA_INPUT = Input("IMAGE", "BYTES", (1,), InputRole.MEDIA)
OBSERVATION_OUTPUT = Output("OBSERVATION", "BYTES", (1,), OutputRole.AUTO)


def pipeline(
    name: str = "ocr",
    *,
    inputs: tuple[Input, ...] = (MEDIA_INPUT,),
    outputs: tuple[Output, ...] = (OBSERVATION_OUTPUT,),
    status: PipelineStatus = PipelineStatus.READY,
    decoupled: bool = False,
) -> Pipeline:
    """A pipeline of one step that takes one media and gives one observation."""
    step = Step(
        "read",
        -1,
        tuple(Port(each.name, each.datatype, each.shape, each.name) for each in inputs),
        tuple(Port(each.name, each.datatype, each.shape, each.name) for each in outputs),
    )
    return Pipeline(
        pipeline_id=name,
        description="Reads.",
        tag="documents",
        status=status,
        decoupled=decoupled,
        inputs=inputs,
        outputs=outputs,
        steps=(step,),
        model_versions={"read": "3"},
    )


def with_status(found: Pipeline, status: PipelineStatus) -> Pipeline:
    """The same pipeline in another status."""
    return msgspec.structs.replace(found, status=status, reason=f"it is {status}")


def entry(content: bytes = b"{}", media_id: str | None = "media-1") -> Entry:
    """An entry of an observation."""
    return Entry(
        entry_id=ENTRY_ID,
        media_id=media_id,
        run_id=RUN_ID,
        pipeline_id="ocr",
        pipeline_version=0,
        created_at=START,
        content=content,
    )


def finished_run(run_id: str = RUN_ID, execution_id: str = EXECUTION_ID, content: bytes = b"{}") -> FinishedRun:
    """A completed run with one entry."""
    run = Run(
        run_id=run_id,
        execution_id=execution_id,
        pipeline_id="ocr",
        pipeline_version=0,
        state=RunState.COMPLETED,
        attempt=1,
        media_count=1,
        created_at=START,
        started_at=START,
        completed_at=START + timedelta(seconds=2),
        model_versions={"read": "3"},
    )
    execution = NewExecution(execution_id=execution_id, created_at=START, tag="mine", meta_data=b'{"a": 1}')
    return FinishedRun(execution, run, (entry(content),))


class Gateway:
    """The core over fakes, as the doors get it."""

    def __init__(
        self,
        *pipelines: Pipeline,
        answer: Answer | None = None,
        places: int = 4,
        max_body_bytes: int = 100_000,
        sync_timeout: float = 30.0,
    ):
        self.source = FakeSource(*(pipelines or (pipeline(),)))
        self.store = FakeStore()
        self.engine = FakeEngine(answer or answering(b'{"rawText":"hello"}'))
        self.ledger = FakeLedger()
        self.images = FakeImages()
        self.admission = Admission(places)
        self.pipelines = Pipelines(self.source, self.store)
        self.runs = Runs(self.pipelines, self.engine, self.ledger, self.images, self.admission, clock=SteppingClock())
        self.services = Services(
            pipelines=self.pipelines,
            runs=self.runs,
            health=Health(self.pipelines, self.ledger, self.admission),
            sync_timeout=sync_timeout,
            max_body_bytes=max_body_bytes,
        )


async def gateway(*pipelines: Pipeline, **options: object) -> Gateway:
    """A gateway over fakes that has looked at its pipelines once."""
    built = Gateway(*pipelines, **options)  # type: ignore[arg-type]
    await built.pipelines.refresh()
    return built
