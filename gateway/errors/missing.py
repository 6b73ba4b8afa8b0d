"""What there is not, or not any more."""

from gateway.errors.tree import GatewayError, GrpcCode


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
