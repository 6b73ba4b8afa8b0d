"""Which refusals the operations of the REST door can answer with, by what they do."""

from typing import Final

from gateway.errors import (
    ArtifactNotFound,
    CredentialInvalid,
    CredentialMissing,
    Draining,
    ExecutionNotFound,
    FileNotFound,
    Forbidden,
    GatewayError,
    HeadersTooLarge,
    Internal,
    InvalidInput,
    IssuerUnavailable,
    KeyInFlight,
    KeyReused,
    Malformed,
    MediaLimit,
    MediaNotFound,
    MediaUnreadable,
    MediaUnsupported,
    ObservationInvalid,
    Overloaded,
    PageRangeEmpty,
    PipelineNotFound,
    PipelineNotReady,
    RateLimited,
    RequestIncomplete,
    ResultGone,
    RunFinished,
    RunNotFound,
    RunTimeout,
    RuntimeUnsupported,
    StorageUnavailable,
    TargetForbidden,
    TargetTooLong,
    TooLarge,
    TransformInvalid,
    TransformLimit,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
    UrlFailed,
    UrlForbidden,
    WiringInvalid,
    WorkerLost,
)

Refusals = tuple[type[GatewayError], ...]

#: Any operation.
ANY: Final[Refusals] = (Internal, TargetTooLong, HeadersTooLarge)
#: Those that ask who calls.
ACCESS: Final[Refusals] = (
    CredentialMissing,
    CredentialInvalid,
    Forbidden,
    StorageUnavailable,
    IssuerUnavailable,
    RateLimited,
)
#: Those with a body.
BODY: Final[Refusals] = (TooLarge, RequestIncomplete)
#: Those with a JSON body.
JSON_BODY: Final[Refusals] = (*BODY, Malformed, InvalidInput)
#: Those that read or write records.
RECORDS: Final[Refusals] = (*ANY, StorageUnavailable)
#: Those with parameters of limits.
LISTS: Final[Refusals] = (*RECORDS, InvalidInput)
PIPELINE: Final[Refusals] = (*ANY, PipelineNotFound, PipelineNotReady, TritonUnavailable)
RUN: Final[Refusals] = (*RECORDS, RunNotFound)
#: Those that wait for a run.
FOLLOW: Final[Refusals] = (*RUN, InvalidInput, Overloaded)
CANCEL: Final[Refusals] = (*RUN, RunFinished)
EXECUTION: Final[Refusals] = (*RECORDS, ExecutionNotFound)
OBSERVATION: Final[Refusals] = (*EXECUTION, ResultGone)
#: `/json` refuses an observation that no JSON reader takes.
PLAIN: Final[Refusals] = (*OBSERVATION, InvalidInput)
TRANSFORM: Final[Refusals] = (TransformInvalid, TransformLimit)
MEDIA: Final[Refusals] = (*EXECUTION, MediaNotFound)
UPLOAD: Final[Refusals] = (*EXECUTION, *BODY, Malformed, InvalidInput, MediaLimit, MediaUnsupported)
FILE: Final[Refusals] = (*RECORDS, FileNotFound)
FILE_UPLOAD: Final[Refusals] = (*RECORDS, *BODY, Malformed, InvalidInput, Overloaded)
ARTIFACT: Final[Refusals] = (*EXECUTION, ArtifactNotFound)
MERGE: Final[Refusals] = (*OBSERVATION, *JSON_BODY, ObservationInvalid)
#: Those that take a call in.
ACCEPT: Final[Refusals] = (
    *PIPELINE,
    *MEDIA,
    *JSON_BODY,
    MediaUnsupported,
    FileNotFound,
    UrlForbidden,
    UrlFailed,
    MediaLimit,
    ObservationInvalid,
    TargetForbidden,
    Overloaded,
    Draining,
    RuntimeUnsupported,
    KeyReused,
    KeyInFlight,
)
#: Those that wait for what it finds.
EXECUTE: Final[Refusals] = (
    *ACCEPT,
    MediaUnreadable,
    MediaUnsupported,
    PageRangeEmpty,
    TritonOverloaded,
    TritonFailed,
    WiringInvalid,
    RunTimeout,
    ResultGone,
    WorkerLost,
)
