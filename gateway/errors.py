"""Everything that can go wrong, as one tree: each class is one code and one (HTTP, gRPC) pair.

    GatewayError
    ├── InvalidRequest ─ Malformed, InvalidInput, MediaUnsupported, MediaRefused (MediaLimit, MediaUnreadable,
    │                    PageRangeEmpty), TooLarge, TargetTooLong, HeadersTooLarge,
    │                    RequestIncomplete, ObservationInvalid, TransformInvalid, TransformLimit, KeyReused,
    │                    TargetForbidden, UrlForbidden, UrlFailed
    ├── CredentialMissing, CredentialInvalid, Forbidden
    ├── NotFound ─ PipelineNotFound, ExecutionNotFound, MediaNotFound, FileNotFound, ArtifactNotFound,
    │              RunNotFound, HookNotFound, DeliveryNotFound, ResultGone;
    │              MethodNotAllowed
    ├── Overloaded ─ TritonOverloaded, RateLimited
    ├── Unavailable ─ TritonUnavailable, StorageUnavailable, IssuerUnavailable, PipelineNotReady (ModelDied), Draining,
    │                 WorkerLost
    ├── KeyInFlight ─ KeyLost
    ├── RunFinished, HookExists, ExecutionTaken
    ├── TritonFailed ─ WiringInvalid
    ├── RunTimeout, RunCanceled, RuntimeUnsupported
    └── Internal

The text of an error is written by us and never repeats a caller's value. `CannotStart` never
reaches a caller: it ends the program with one sentence that says what to do.
"""

import enum
import re
from typing import ClassVar


class GrpcCode(enum.IntEnum):
    """The status codes of gRPC that the gateway answers with."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


class CannotStart(Exception):
    """The program cannot start; the message is a whole sentence that says what to do."""


class GatewayError(Exception):
    """The gateway failed in a way it did not foresee; the request ID finds it in the log."""

    code: ClassVar[str] = "internal"
    http: ClassVar[int] = 500
    grpc: ClassVar[GrpcCode] = GrpcCode.INTERNAL
    #: Seconds after which a repeat can succeed, where a repeat can heal it.
    retry_after: float | None = None
    #: The record that the failure left, where it left one.
    execution_id: str | None = None
    run_id: str | None = None
    #: The failure is that of an earlier call under the same idempotency key.
    replayed: bool = False

    def __init__(self, message: str | None = None, *, field: str | None = None, retry_after: float | None = None):
        self.message = message or (self.__doc__ or "").strip()
        self.field = shown_name(field)
        if retry_after is not None:
            self.retry_after = retry_after
        super().__init__(self.message)


_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")


def shown_name(name: str | None) -> str | None:
    """The name of a field if it may be shown to the caller, else None."""
    return name if name is not None and _NAME.fullmatch(name) else None


class Internal(GatewayError):
    """The gateway failed in a way it did not foresee; the request ID finds it in the log."""


class InvalidRequest(GatewayError):
    """The request is not valid."""

    code = "input.invalid"
    http = 422
    grpc = GrpcCode.INVALID_ARGUMENT


class Malformed(InvalidRequest):
    """The body is not JSON."""

    code = "request.malformed"
    http = 400


class InvalidInput(InvalidRequest):
    """A field of the request is not valid."""


class MediaRefused(InvalidRequest):
    """A step of the pipeline, or the gateway in its place, does not take the media."""

    code = "media.unreadable"

    def __init__(self, message: str | None = None, *, field: str | None = None, step: str | None = None):
        super().__init__(message, field=field)
        #: The model that refused it; None where it was the gateway.
        self.step = step


class MediaLimit(MediaRefused):
    """The media has more of something, such as pixels or pages, than the gateway accepts."""

    code = "media.limit"


class MediaUnsupported(InvalidRequest):
    """The media is of a type that this pipeline cannot read."""

    code = "media.unsupported"
    http = 415


class MediaUnreadable(MediaRefused):
    """A step of the pipeline could not read the media."""

    code = "media.unreadable"


class PageRangeEmpty(MediaRefused):
    """The media has none of the pages that the page range names."""

    code = "media.page_range_empty"


class TooLarge(InvalidRequest):
    """The body is larger than the gateway accepts."""

    code = "request.too_large"
    http = 413
    grpc = GrpcCode.RESOURCE_EXHAUSTED


class TargetTooLong(InvalidRequest):
    """The address of the request is longer, or has more parameters, than the gateway accepts."""

    code = "request.target_too_long"
    http = 414


class HeadersTooLarge(InvalidRequest):
    """The request has more or larger headers than the gateway accepts."""

    code = "request.headers_too_large"
    http = 431
    grpc = GrpcCode.RESOURCE_EXHAUSTED


class RequestIncomplete(InvalidRequest):
    """The body did not arrive in time."""

    code = "request.incomplete"
    http = 408
    grpc = GrpcCode.DEADLINE_EXCEEDED


class ObservationInvalid(InvalidRequest):
    """What should be an observation is none."""

    code = "observation.invalid"


class TransformInvalid(InvalidRequest):
    """The transform is not a JSONata expression, or it failed on this observation."""

    code = "transform.invalid"


class TransformLimit(InvalidRequest):
    """The transform needs more time or memory than it may have."""

    code = "transform.limit"


class KeyReused(InvalidRequest):
    """The idempotency key was used for another call: take a new one for this call."""

    code = "idempotency.reused"


class TargetForbidden(InvalidRequest):
    """The gateway sends nothing to this address."""

    code = "hook.target_forbidden"


class UrlForbidden(InvalidRequest):
    """The gateway fetches nothing from this address."""

    code = "media.url_forbidden"


class UrlFailed(InvalidRequest):
    """The media could not be fetched from its URL."""

    code = "media.url_failed"


class CredentialMissing(GatewayError):
    """The gateway wants to know who asks: send a key as X-API-Key, or a key or token as Authorization: Bearer."""

    code = "auth.missing"
    http = 401
    grpc = GrpcCode.UNAUTHENTICATED


class CredentialInvalid(GatewayError):
    """The key or token is not valid: it is unknown, has expired, or was revoked."""

    code = "auth.invalid"
    http = 401
    grpc = GrpcCode.UNAUTHENTICATED


class Forbidden(GatewayError):
    """The key or token does not allow this."""

    code = "auth.forbidden"
    http = 403
    grpc = GrpcCode.PERMISSION_DENIED


class NotFound(GatewayError):
    """There is nothing at this address."""

    code = "route.not_found"
    http = 404
    grpc = GrpcCode.NOT_FOUND


class MethodNotAllowed(GatewayError):
    """This address does not take this method."""

    code = "route.method_not_allowed"
    http = 405
    grpc = GrpcCode.UNIMPLEMENTED


class ResultGone(NotFound):
    """The call was transient: nothing of what it found was kept."""

    code = "result.gone"
    http = 410


class PipelineNotFound(NotFound):
    """There is no pipeline of this name; GET /v1/pipelines lists those there are."""

    code = "pipeline.not_found"


class ExecutionNotFound(NotFound):
    """There is no execution with this ID."""

    code = "execution.not_found"


class MediaNotFound(NotFound):
    """The execution has no media with this ID."""

    code = "media.not_found"


class FileNotFound(NotFound):
    """There is no file with this ID."""

    code = "file.not_found"


class ArtifactNotFound(NotFound):
    """The execution has no artifact with this ID."""

    code = "artifact.not_found"


class RunNotFound(NotFound):
    """There is no run with this ID."""

    code = "run.not_found"


class HookNotFound(NotFound):
    """There is no hook with this ID."""

    code = "hook.not_found"


class DeliveryNotFound(NotFound):
    """There is no delivery with this ID."""

    code = "delivery.not_found"


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


class KeyInFlight(GatewayError):
    """A call with this idempotency key is under way; ask again shortly for its answer."""

    code = "idempotency.in_flight"
    http = 409
    grpc = GrpcCode.ABORTED
    retry_after = 1.0


class KeyLost(KeyInFlight):
    """Another call with this idempotency key has taken the place of this one; ask again shortly for its answer."""


class RunFinished(GatewayError):
    """The run has ended, so that it cannot be canceled."""

    code = "run.finished"
    http = 409
    grpc = GrpcCode.FAILED_PRECONDITION


class HookExists(GatewayError):
    """There is a hook with this ID: change it with PUT, or leave the ID out."""

    code = "hook.exists"
    http = 409
    grpc = GrpcCode.ALREADY_EXISTS


class ExecutionTaken(GatewayError):
    """The ID is taken: choose another, or leave it out."""

    code = "execution.taken"
    http = 409
    grpc = GrpcCode.ALREADY_EXISTS


class TritonFailed(GatewayError):
    """A model failed on this input."""

    code = "triton.failed"
    http = 502


class RunCanceled(GatewayError):
    """The run was canceled: its caller has gone."""

    code = "run.canceled"
    http = 499
    grpc = GrpcCode.CANCELLED


class RunTimeout(GatewayError):
    """The run did not end within its deadline."""

    code = "run.timeout"
    http = 504
    grpc = GrpcCode.DEADLINE_EXCEEDED


class RuntimeUnsupported(GatewayError):
    """The pipeline works in a way that the gateway cannot run."""

    code = "runtime.unsupported"
    http = 501
    grpc = GrpcCode.UNIMPLEMENTED


class WiringInvalid(TritonFailed):
    """What a model sent does not fit the role that the pipeline's config gives it."""

    code = "pipeline.wiring_invalid"


def error_of_code(code: str, message: str) -> GatewayError:
    """The error that a code names, with this message; an unforeseen failure where no error has it."""
    kinds = [GatewayError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((kind(message) for kind in kinds[1:] if kind.code == code), Internal())
