"""Whether a caller may make one more call now: by its own rate, and by the rate of a pipeline."""

from gateway import metrics
from gateway.domain.access import Caller
from gateway.domain.pipelines import Pipeline
from gateway.domain.rates import Allowance, Rate, rate_of
from gateway.ports import RateCounter


class Rates:
    """Counts calls against the rates that apply to them."""

    def __init__(self, counter: RateCounter, default: Rate | None = None):
        self._counter = counter
        #: Of callers who have no rate of their own.
        self._default = default

    async def of_caller(self, caller: Caller) -> Allowance | None:
        """Count a request of this caller; what is left of its rate, None where it has none."""
        rate = self._default if caller.rate is None else rate_of(caller.rate)
        return None if rate is None else await self._take(caller.account, rate)

    async def of_pipeline(self, caller: Caller, pipeline: Pipeline) -> None:
        """Count a call of this pipeline by this caller.

        Raises:
            RateLimited: the pipeline's rate is used up for this caller.
        """
        if pipeline.rate is not None:
            (await self._take(f"{caller.account} {pipeline.pipeline_id}", pipeline.rate)).check()

    async def _take(self, name: str, rate: Rate) -> Allowance:
        allowance = await self._counter.take(name, rate)
        if not allowance.granted:
            metrics.NO_RATE.inc()
        return allowance
