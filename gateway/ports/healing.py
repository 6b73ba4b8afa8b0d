"""Healing: Triton's control of single models, and whose turn it is to use it."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class ModelControl(Protocol):
    """Triton's control of single models."""

    def model_of(self, instance: str) -> str | None:
        """The model that an instance of this name belongs to; None where no model is known that has it."""
        ...

    async def has_failed(self, model: str) -> bool:
        """Whether an inference has failed in this model since it was loaded, as far as Triton says; never raises."""
        ...

    async def unload(self, model: str) -> None:
        """Have Triton let go of a model; what its instances have in hand may end.

        Raises:
            TritonUnavailable: Triton did not answer.
            PipelineNotReady: Triton refused, or takes no such orders.
        """
        ...

    async def load(self, model: str) -> None:
        """Have Triton load a model with the config it had when it was unloaded; no harm where it is loaded.

        Raises:
            TritonUnavailable: Triton did not answer.
            PipelineNotReady: it did not load within HEALING_TIMEOUT, or not at all.
        """
        ...


class Witness(Protocol):
    """Knows which models may have handed out answers that were another's."""

    async def doubtful(self, models: frozenset[str]) -> str | None:
        """One of these models that may have given its answers to the wrong ones until now; None: all are right.

        Raises:
            PipelineNotReady: a model is not loaded now.
            TritonUnavailable: Triton does not say.
        """
        ...

    def trust(self, model: str, *, anew: bool) -> None:
        """Doubt a model no longer for what has happened: it was loaded `anew`, or cannot be."""
        ...


class Turns(Protocol):
    """Who may do what only one of all gateways is to do at a time."""

    def turn(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the turn of this name; the block gets False where somebody else had it and had to be waited for."""
        ...
