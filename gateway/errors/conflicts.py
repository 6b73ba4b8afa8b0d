"""What does not go with what there is."""

from gateway.errors.tree import GatewayError, GrpcCode


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
