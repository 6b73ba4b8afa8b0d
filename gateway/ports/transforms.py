"""Transforms of observations."""

from typing import Protocol


class Transformer(Protocol):
    """JSONata, for expressions that a caller wrote: each within its memory and time."""

    async def transform(self, expression: str, document: bytes) -> bytes | None:
        """The JSON that the expression makes of a JSON document; None where it makes nothing.

        Raises:
            TransformInvalid: it is not JSONata (with its position), or it failed on the document.
            TransformLimit: it took more memory or time than it may.
        """
        ...

    async def close(self) -> None:
        """End every child."""
        ...
