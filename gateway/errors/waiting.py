"""What heals by itself: too much work in hand, or a part that is away."""

from gateway.errors.tree import GatewayError, GrpcCode


class Overloaded(GatewayError):
    """The gateway has as much work in hand as it accepts; try again shortly."""

    code = "queue.full"
    http = 429
    grpc = GrpcCode.RESOURCE_EXHAUSTED
    retry_after = 1.0


class TritonOverloaded(Overloaded):
    """Triton's own queue is full; try again shortly."""

    code = "triton.overloaded"


class RateLimited(Overloaded):
    """The key has made as many calls as it may for now; try again when the time in Retry-After is over."""

    code = "rate.limited"


class Unavailable(GatewayError):
    """A part of the gateway is not reachable; try again shortly."""

    code = "storage.unavailable"
    http = 503
    grpc = GrpcCode.UNAVAILABLE
    retry_after = 2.0


class StorageUnavailable(Unavailable):
    """The database is not reachable; nothing was recorded. Try again shortly."""


class Draining(Unavailable):
    """The gateway is stopping and takes no new work; try again shortly."""

    code = "gateway.draining"


class WorkerLost(Unavailable):
    """The worker that held the run is gone."""

    code = "worker.lost"


class IssuerUnavailable(Unavailable):
    """Nobody can say whether the token is valid: the keys of its issuer are not reachable. Try again shortly."""

    code = "auth.unavailable"


class TritonUnavailable(Unavailable):
    """Triton is not reachable; try again shortly."""

    code = "triton.unavailable"


class PipelineNotReady(Unavailable):
    """The pipeline is known, but its models are not ready; try again shortly."""

    code = "pipeline.not_ready"


class ModelDied(PipelineNotReady):
    """A model of the pipeline has died and is being started again; try again shortly."""

    def __init__(
        self,
        message: str | None = None,
        *,
        instance: str = "",
        model: str | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(message, retry_after=retry_after)
        #: The instance whose process died, by Triton's name, or the model itself; for the core, not for callers.
        self.instance = instance
        self.model = model
