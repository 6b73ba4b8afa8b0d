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

from gateway.errors.access import (
    CredentialInvalid,
    CredentialMissing,
    Forbidden,
)
from gateway.errors.conflicts import (
    ExecutionTaken,
    HookExists,
    KeyInFlight,
    KeyLost,
    RunFinished,
)
from gateway.errors.media import (
    MediaLimit,
    MediaRefused,
    MediaUnreadable,
    MediaUnsupported,
    PageRangeEmpty,
    UrlFailed,
    UrlForbidden,
)
from gateway.errors.missing import (
    ArtifactNotFound,
    DeliveryNotFound,
    ExecutionNotFound,
    FileNotFound,
    HookNotFound,
    MediaNotFound,
    MethodNotAllowed,
    NotFound,
    PipelineNotFound,
    ResultGone,
    RunNotFound,
)
from gateway.errors.requests import (
    HeadersTooLarge,
    InvalidInput,
    InvalidRequest,
    KeyReused,
    Malformed,
    ObservationInvalid,
    RequestIncomplete,
    TargetForbidden,
    TargetTooLong,
    TooLarge,
    TransformInvalid,
    TransformLimit,
)
from gateway.errors.runs import (
    RunCanceled,
    RunTimeout,
    RuntimeUnsupported,
    TritonFailed,
    WiringInvalid,
)
from gateway.errors.tree import (
    CannotStart,
    GatewayError,
    GrpcCode,
    Internal,
    shown_name,
)
from gateway.errors.waiting import (
    Draining,
    IssuerUnavailable,
    ModelDied,
    Overloaded,
    PipelineNotReady,
    RateLimited,
    StorageUnavailable,
    TritonOverloaded,
    TritonUnavailable,
    Unavailable,
    WorkerLost,
)

__all__ = [
    "ArtifactNotFound",
    "CannotStart",
    "CredentialInvalid",
    "CredentialMissing",
    "DeliveryNotFound",
    "Draining",
    "ExecutionNotFound",
    "ExecutionTaken",
    "FileNotFound",
    "Forbidden",
    "GatewayError",
    "GrpcCode",
    "HeadersTooLarge",
    "HookExists",
    "HookNotFound",
    "Internal",
    "InvalidInput",
    "InvalidRequest",
    "IssuerUnavailable",
    "KeyInFlight",
    "KeyLost",
    "KeyReused",
    "Malformed",
    "MediaLimit",
    "MediaNotFound",
    "MediaRefused",
    "MediaUnreadable",
    "MediaUnsupported",
    "MethodNotAllowed",
    "ModelDied",
    "NotFound",
    "ObservationInvalid",
    "Overloaded",
    "PageRangeEmpty",
    "PipelineNotFound",
    "PipelineNotReady",
    "RateLimited",
    "RequestIncomplete",
    "ResultGone",
    "RunCanceled",
    "RunFinished",
    "RunNotFound",
    "RunTimeout",
    "RuntimeUnsupported",
    "StorageUnavailable",
    "TargetForbidden",
    "TargetTooLong",
    "TooLarge",
    "TransformInvalid",
    "TransformLimit",
    "TritonFailed",
    "TritonOverloaded",
    "TritonUnavailable",
    "Unavailable",
    "UrlFailed",
    "UrlForbidden",
    "WiringInvalid",
    "WorkerLost",
    "error_of_code",
    "shown_name",
]


def error_of_code(code: str, message: str) -> GatewayError:
    """The error that a code names, with this message; an unforeseen failure where no error has it."""
    kinds = [GatewayError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((kind(message) for kind in kinds[1:] if kind.code == code), Internal())
