"""Hooks: created, read, changed and removed."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from gateway.core.executions import place
from gateway.core.telling import Telling
from gateway.domain.access import Caller
from gateway.domain.hooks import Hook, HookPage
from gateway.domain.ids import EXECUTION_ID, now
from gateway.domain.signing import new_secret
from gateway.errors import HookExists, HookNotFound, InvalidInput
from gateway.limits import MAX_ID_CHARACTERS
from gateway.ports import HookStore


class Hooks:
    """Keeps hooks."""

    def __init__(self, store: HookStore, telling: Telling, *, clock: Callable[[], datetime] = now):
        self._store = store
        self._telling = telling
        self._clock = clock

    async def create(self, caller: Caller, hook: Hook) -> Hook:
        """Write a new hook; without secrets of the caller's it gets a fresh one. Only here they are shown.

        Raises:
            InvalidInput: a field of it is not valid.
            TargetForbidden: nothing is sent to its address.
            HookExists: there is one of this ID.
        """
        if not EXECUTION_ID.fullmatch(hook.hook_id):
            raise InvalidInput(
                f"A hook ID is 1 to {MAX_ID_CHARACTERS} letters, digits, '.', '_' or '-'.", field="hookId"
            )
        secrets = hook.secrets or (new_secret(),)
        made = msgspec.structs.replace(hook, secrets=secrets, created_at=self._clock(), owner=caller.owner)
        await self._check(made)
        if not await self._store.create(made):
            raise HookExists
        return made

    async def get(self, caller: Caller, hook_id: str) -> Hook:
        """One hook.

        Raises:
            HookNotFound: there is none of this ID.
        """
        return await self._store.get(caller.sees, known_hook(hook_id))

    async def page(self, caller: Caller, limit: int, cursor: str | None) -> HookPage:
        """Hooks, newest first.

        Raises:
            InvalidInput: the cursor is not one that this list gave.
        """
        found = await self._store.page(caller.sees, limit + 1, place(cursor))
        more = str(found[limit - 1][0]) if len(found) > limit else None
        return HookPage([each for _, each in found[:limit]], more)

    async def update(self, caller: Caller, hook: Hook) -> Hook:
        """Put another definition in the place of a hook's; its secrets stay where none are given.

        Raises:
            HookNotFound: there is none of this ID.
            InvalidInput, TargetForbidden: it is not valid.
        """
        known_hook(hook.hook_id)
        await self._check(hook)
        return await self._store.update(caller.sees, hook)

    async def delete(self, caller: Caller, hook_id: str) -> None:
        """Remove a hook; what still waits for it is canceled.

        Raises:
            HookNotFound: there is none of this ID.
        """
        await self._store.delete(caller.sees, known_hook(hook_id))

    async def _check(self, hook: Hook) -> None:
        hook.check()
        await self._telling.admit(hook.endpoint, "endpoint")


def known_hook(hook_id: str) -> str:
    """`hook_id`, where it has the form of one.

    Raises:
        HookNotFound: there can be none of this ID.
    """
    if not EXECUTION_ID.fullmatch(hook_id):
        raise HookNotFound
    return hook_id
