"""Whether the gateway can work: alive by itself, ready only with all its parts."""

import asyncio

import msgspec

from gateway.core.admission import Admission
from gateway.core.pipelines import Pipelines
from gateway.ports import BlobStore, RunStore


class Readiness(msgspec.Struct, frozen=True):
    """What answers now."""

    triton: bool
    database: bool
    blobs: bool
    #: The gateway takes new work; false while it stops.
    admitting: bool

    @property
    def ready(self) -> bool:
        """Whether a call can succeed."""
        return self.triton and self.database and self.blobs and self.admitting


class Health:
    """Asks the parts."""

    def __init__(self, pipelines: Pipelines, runs: RunStore, blobs: BlobStore, admission: Admission):
        self._pipelines = pipelines
        self._runs = runs
        self._blobs = blobs
        self._admission = admission

    async def readiness(self) -> Readiness:
        """What answers now; never raises."""
        triton, database, blobs = await asyncio.gather(self._pipelines.ready(), self._runs.ready(), self._blobs.ready())
        return Readiness(triton, database, blobs, not self._admission.leaving)
