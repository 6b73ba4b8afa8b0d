"""Every metric of the gateway: its name, its labels, what it says, in which unit; `GET /metrics` shows them.

Whoever records one takes it from here and binds its labels once. The values of a label are few and never a caller's
own: of routes they are the templates, of pipelines the names in Triton.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache, wraps
from time import perf_counter
from typing import Final, ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

P = ParamSpec("P")
T = TypeVar("T")

REGISTRY: Final = CollectorRegistry()
#: Seconds of a call and of its parts, from a small JSON body to a run with a deadline of its own.
_CALL: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Seconds of a run, which may wait in the background for a day.
_RUN: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)


def _counter(name: str, says: str, *labels: str) -> Counter:
    return Counter(name, says, labels, registry=REGISTRY)


def _histogram(name: str, says: str, *labels: str, buckets: tuple[float, ...] = _CALL) -> Histogram:
    return Histogram(name, says, labels, buckets=buckets, registry=REGISTRY)


def _sum(name: str, says: str) -> Gauge:
    """A number of which each process has its own; that of the gateway is their sum."""
    return Gauge(name, says, registry=REGISTRY, multiprocess_mode="livesum")


def _same(name: str, says: str) -> Gauge:
    """A number that is the same for all processes; whoever looked last is right."""
    return Gauge(name, says, registry=REGISTRY, multiprocess_mode="mostrecent")


REQUESTS: Final = _counter(
    "gateway_requests_total",
    "Requests that were answered: by door (rest, grpc), method (the route's template, or the gRPC method) and code.",
    *("door", "method", "code"),
)
REQUEST_SECONDS: Final = _histogram(
    "gateway_request_seconds", "Seconds from the head of a request to the end of its answer.", "door", "method"
)
PART_SECONDS: Final = _histogram(
    "gateway_part_seconds",
    "Seconds of the parts of a call: decode (JSON and base64), queue (waiting for a place at Triton, per inference), "
    "triton (the inference itself) and commit.",
    "part",
)
CALLS: Final = _sum("gateway_calls_in_hand", "Calls that hold a place now.")
INFERENCES: Final = _sum("gateway_inferences_in_hand", "Inferences that are with Triton or wait for a place there.")
REJECTED: Final = _counter(
    "gateway_rejected_calls_total",
    "Calls that were turned away: places (all are taken), pipeline (its places are), queue (too many runs wait), "
    "followers (too many callers follow runs), key (those of its key are taken), rate (its rate is used up), "
    "draining (the gateway stops).",
    "reason",
)

RUNS: Final = _counter("gateway_runs_total", "Runs that have ended, by pipeline and end state.", "pipeline", "state")
RUN_SECONDS: Final = _histogram(
    "gateway_run_seconds", "Seconds from the acceptance of a run to its end.", "pipeline", buckets=_RUN
)
RUN_WAIT_SECONDS: Final = _histogram(
    "gateway_run_wait_seconds", "Seconds that a run in the background was due before a worker took it up.", buckets=_RUN
)
QUEUED: Final = _same("gateway_queued_runs", "Runs that are due and wait for a worker, those of all gateways together.")
OLDEST_QUEUED: Final = _same(
    "gateway_oldest_queued_run_seconds", "Seconds for which the oldest of these has been due; 0 without any."
)
DELAYED: Final = _same(
    "gateway_delayed_runs", "Runs in the background that are not due yet: put off, or tried again later."
)
RUNNING: Final = _same(
    "gateway_running_runs", "Runs in the background that workers hold, those of all gateways together."
)
RETRIED: Final = _counter(
    "gateway_retried_attempts_total", "Attempts that failed of what can heal, and are tried again."
)
LOST: Final = _counter(
    "gateway_lost_leases_total", "Attempts whose run was held by another worker when they had ended."
)

TRIES: Final = _counter(
    "gateway_delivery_tries_total", "Sendings to receivers, by outcome: delivered, or why it was not taken.", "outcome"
)
TRY_SECONDS: Final = _histogram("gateway_delivery_try_seconds", "Seconds of one sending to a receiver.")
DELIVERIES: Final = _counter("gateway_deliveries_total", "Deliveries that have ended, by state.", "state")

TRANSFORM_CHILDREN: Final = _sum("gateway_transform_children", "Children that evaluate transforms now.")
KILLED_CHILDREN: Final = _counter(
    "gateway_killed_transform_children_total", "Such children that ended at a limit: time or memory.", "limit"
)
DECODER_CHILDREN: Final = _sum("gateway_decoder_children", "Children that decode and render media now.")
KILLED_DECODERS: Final = _counter(
    "gateway_killed_decoder_children_total",
    "Such children that ended: time, memory, crash.",
    "why",
)
RESTARTS: Final = _counter(
    "gateway_restarts_total", "Children that ended unasked and were started again: triton, postgres, gateway.", "child"
)
HEALINGS: Final = _counter(
    "gateway_healings_total",
    "Models that Triton called ready and that did not work, loaded anew, by outcome.",
    "outcome",
)

PROCESS_CPU: Final = ("gateway_process_cpu_seconds_total", "Seconds of CPU that a process of the gateway has used.")
PROCESS_MEMORY: Final = ("gateway_process_resident_memory_bytes", "Bytes of memory that it holds.")
PROCESS_FILES: Final = ("gateway_process_open_fds", "File descriptors that it has open.")
PROCESS_START: Final = ("gateway_process_start_time_seconds", "When it started, in seconds since 1970.")

# What is known beforehand is shown from the beginning, at zero.
DECODE: Final = PART_SECONDS.labels("decode")
QUEUE: Final = PART_SECONDS.labels("queue")
TRITON: Final = PART_SECONDS.labels("triton")
COMMIT: Final = PART_SECONDS.labels("commit")
NO_PLACE: Final = REJECTED.labels("places")
NO_PIPELINE_PLACE: Final = REJECTED.labels("pipeline")
NO_KEY_PLACE: Final = REJECTED.labels("key")
NO_RATE: Final = REJECTED.labels("rate")
QUEUE_FULL: Final = REJECTED.labels("queue")
TOO_MANY_FOLLOWERS: Final = REJECTED.labels("followers")
DRAINING: Final = REJECTED.labels("draining")
OUT_OF_TIME: Final = KILLED_CHILDREN.labels("time")
OUT_OF_MEMORY: Final = KILLED_CHILDREN.labels("memory")
DECODER_OUT_OF_TIME: Final = KILLED_DECODERS.labels("time")
DECODER_OUT_OF_MEMORY: Final = KILLED_DECODERS.labels("memory")
DECODER_CRASHED: Final = KILLED_DECODERS.labels("crash")
#: For `core/healing`: a model was loaded anew, or could not be.
HEALED: Final = HEALINGS.labels("healed")
NOT_HEALED: Final = HEALINGS.labels("failed")
#: For whoever ends deliveries: it was taken, or given up.
DELIVERED: Final = DELIVERIES.labels("delivered")
GIVEN_UP: Final = DELIVERIES.labels("failed")
for _child in ("triton", "postgres", "gateway"):
    RESTARTS.labels(_child)


class Timed:
    """The time of a block, however it ends; the library's own timer costs three times as much."""

    __slots__ = ("_began", "_observe")

    def __init__(self, part: Histogram) -> None:
        self._observe = part.observe
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._observe(perf_counter() - self._began)


def timed(part: Histogram) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Have every call of a function timed."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def measured(*args: P.args, **kwargs: P.kwargs) -> T:
            with Timed(part):
                return function(*args, **kwargs)

        return measured

    return decorate


class Method:
    """One method of a door: its answers by code, and the time they took."""

    def __init__(self, door: str, name: str) -> None:
        self._of = (door, name)
        self._codes: dict[str, tuple[Counter, Histogram]] = {}

    def answered(self, code: str, seconds: float) -> None:
        """Record one answer."""
        bound = self._codes.get(code)
        if bound is None:
            bound = self._codes[code] = REQUESTS.labels(*self._of, code), REQUEST_SECONDS.labels(*self._of)
        count, took = bound
        count.inc()
        took.observe(seconds)


@cache
def method(door: str, name: str) -> Method:
    """The method of this name."""
    return Method(door, name)


@cache
def _ends(pipeline: str, state: str) -> tuple[Counter, Histogram]:
    return RUNS.labels(pipeline, state), RUN_SECONDS.labels(pipeline)


def run_ended(pipeline: str, state: str, began: datetime, ended: datetime | None) -> None:
    """Record the end of a run."""
    count, seconds = _ends(pipeline, state)
    count.inc()
    if ended is not None:
        seconds.observe((ended - began).total_seconds())
