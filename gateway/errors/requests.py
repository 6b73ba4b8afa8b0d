"""Requests that are not valid, whoever asks and whatever there is."""

from gateway.errors.tree import GatewayError, GrpcCode


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
