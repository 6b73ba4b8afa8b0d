"""Whether the gateway can work: alive by itself, ready only with all its parts."""

import asyncio

import msgspec

from gateway.core.admission import Admission
from gateway.core.pipelines import Pipelines
from gateway.ports import Ledger


class Readiness(msgspec.Struct, frozen=True):
    """What answers now."""

    triton: bool
    database: bool
    #: The gateway takes new work; false while it stops.
    admitting: bool

    @property
    def ready(self) -> bool:
        """Whether a call can succeed."""
        return self.triton and self.database and self.admitting


class Health:
    """Asks the parts."""

    def __init__(self, pipelines: Pipelines, ledger: Ledger, admission: Admission):
        self._pipelines = pipelines
        self._ledger = ledger
        self._admission = admission

    async def readiness(self) -> Readiness:
        """What answers now; never raises."""
        triton, database = await asyncio.gather(self._pipelines.ready(), self._ledger.ready())
        return Readiness(triton, database, not self._admission.closed)
