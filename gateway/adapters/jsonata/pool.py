"""The children that evaluate transforms, and what a caller is told of what they say."""

from typing import Final

from gateway import metrics
from gateway.adapters.children.child import Program
from gateway.adapters.children.pool import ChildDied, ChildPool, OutOfTime
from gateway.adapters.jsonata.frames import Outcome, Refusal, refusal, request_bytes
from gateway.adapters.jsonata.sentences import invalid, past_limit
from gateway.errors import TransformInvalid, TransformLimit
from gateway.limits import (
    MAX_TRANSFORM_BYTES,
    MAX_TRANSFORM_CHARACTERS,
    TRANSFORM_CHILDREN,
    TRANSFORM_MEMORY,
    TRANSFORM_TIMEOUT,
)

_PROGRAM: Final = "gateway.adapters.jsonata.program"
#: The allocator of the engine would reserve 128 MiB or more of the address space at its start.
_ENVIRONMENT: Final = {"MIMALLOC_ARENA_RESERVE": "0"}


class TransformPool:
    """A `Transformer` on spawned children; calls past their number wait in the order they came."""

    def __init__(
        self,
        *,
        children: int = TRANSFORM_CHILDREN,
        memory: int = TRANSFORM_MEMORY,
        timeout: float = TRANSFORM_TIMEOUT,
        max_result: int = MAX_TRANSFORM_BYTES,
    ):
        program = Program(_PROGRAM, memory, (str(max_result),), _ENVIRONMENT)
        gauge = metrics.TRANSFORM_CHILDREN
        self._pool = ChildPool(program, children=children, timeout=timeout, gauge=gauge, name="transform")

    async def transform(self, expression: str, document: bytes) -> bytes | None:
        """See `Transformer.transform`."""
        request = request_bytes(_encoded(expression), document)
        try:
            outcome, payload = await self._pool.ask(request)
        except OutOfTime:
            metrics.OUT_OF_TIME.inc()
            raise TransformLimit(past_limit(Refusal("time"))) from None
        except ChildDied:
            metrics.OUT_OF_MEMORY.inc()
            raise TransformLimit(past_limit(Refusal("memory"))) from None
        return _result(Outcome(outcome), bytes(payload))

    async def close(self) -> None:
        """See `Transformer.close`; calls in hand end with `Draining`."""
        await self._pool.close()

    def pids(self) -> set[int]:
        """The process numbers of the children there are."""
        return self._pool.pids()


def _encoded(expression: str) -> bytes:
    if len(expression) > MAX_TRANSFORM_CHARACTERS:
        raise TransformInvalid(f"The transform has more than {MAX_TRANSFORM_CHARACTERS} characters.")
    try:
        return expression.encode()
    except UnicodeEncodeError as failure:
        raise TransformInvalid(invalid(Refusal("surrogate", failure.start))) from None


def _result(outcome: Outcome, payload: bytes) -> bytes | None:
    if outcome is Outcome.INVALID:
        raise TransformInvalid(invalid(refusal(payload)))
    if outcome is Outcome.LIMIT:
        raise TransformLimit(past_limit(refusal(payload)))
    return payload if outcome is Outcome.RESULT else None
