"""Pipelines: where they come from, and the memory of them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.domain.pipelines import Pipeline


class Discovery(msgspec.Struct, frozen=True):
    """What one look at Triton's models showed: its ensembles, and the models that it lists but does not show."""

    pipelines: list[Pipeline]
    hidden: frozenset[str] = frozenset()


class PipelineSource(Protocol):
    """Triton's models, as pipelines."""

    async def discover(self, known: dict[str, Pipeline]) -> Discovery:
        """Every ensemble that Triton has now, with its status; `known` supplies what a model that is not ready hides.

        Raises:
            TritonUnavailable: Triton did not answer.
        """
        ...

    async def ready(self) -> bool:
        """Whether Triton answers that it is ready; never raises."""
        ...


class PipelineStore(Protocol):
    """The memory of pipelines that were seen once."""

    async def load(self) -> list[Pipeline]:
        """Every pipeline seen so far, with its last config."""
        ...

    async def gone(self) -> frozenset[str]:
        """The names of those of them that Triton was seen to have no more."""
        ...

    async def save(self, seen: Sequence[Pipeline], gone: Sequence[str] = ()) -> None:
        """Remember what was seen, and the names of known pipelines that Triton has no more.

        What that changes is written with it as audit events, once however many gateways see it; one that differs only
        in what its models are doing has not changed.
        """
        ...
