"""Names to addresses, each checked before anything connects to it."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.adapters.outgoing.targets import Targets


class CheckedLookup(AbstractResolver):
    """Looks names up; one address that is forbidden spoils them all."""

    def __init__(self, targets: Targets, resolver: AbstractResolver):
        self._targets = targets
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            TargetForbidden: nothing is sent to one of them.
            OSError: the name cannot be looked up.
        """
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            self._targets.check(host, each["host"])
        return found

    async def close(self) -> None:
        """Close what it looks up with."""
        await self._resolver.close()
