"""The records of hooks."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.hooks import Hook


class HookStore(Protocol):
    """The records of hooks; `sees` as with executions."""

    async def create(self, hook: Hook) -> bool:
        """Write a new hook; False where there is one of this ID already, which is left as it is.

        An ID stays with its owner when its hook is deleted: what names the hook must not come to mean another's.
        """
        ...

    async def get(self, sees: str | None, hook_id: str) -> Hook:
        """One hook.

        Raises:
            HookNotFound: there is none of this ID.
        """
        ...

    async def page(self, sees: str | None, limit: int, before: int | None) -> list[tuple[int, Hook]]:
        """Hooks with their place in the list, newest first, from the place before `before` on."""
        ...

    async def find(self, sees: str | None, hook_ids: Sequence[str]) -> list[Hook]:
        """Those of these hooks that there are, in this order."""
        ...

    async def of_execution(self, sees: str | None, execution_id: str) -> list[Hook]:
        """Those of the hooks of an execution that there are; none where the execution is out of sight."""
        ...

    async def update(self, sees: str | None, hook: Hook) -> Hook:
        """Change a hook; its secrets stay where none are given. It is returned as it is now.

        What still waits for it goes to its new address, and is canceled where it is disabled.

        Raises:
            HookNotFound: there is none of this ID.
        """
        ...

    async def disable(self, hook_id: str) -> None:
        """Disable a hook whose receiver is gone; what still waits for it is canceled."""
        ...

    async def delete(self, sees: str | None, hook_id: str) -> None:
        """Remove a hook; what still waits for it is canceled.

        Raises:
            HookNotFound: there is none of this ID.
        """
        ...
