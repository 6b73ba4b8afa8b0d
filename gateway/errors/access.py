"""Who may not enter, or not do this."""

from gateway.errors.tree import GatewayError, GrpcCode


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
