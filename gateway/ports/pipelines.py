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

    async def save(self, pipelines: Sequence[Pipeline]) -> None:
        """Remember these; a pipeline already known is replaced."""
        ...
