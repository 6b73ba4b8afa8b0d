"""Runs that did not end well."""

from gateway.errors.tree import GatewayError, GrpcCode


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
