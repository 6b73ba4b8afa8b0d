"""The root of the tree, and what every error has."""

import enum
import re
from typing import ClassVar

_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")


class CannotStart(Exception):
    """The program cannot start; the message is a whole sentence that says what to do."""


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


def shown_name(name: str | None) -> str | None:
    """The name of a field if it may be shown to the caller, else None."""
    return name if name is not None and _NAME.fullmatch(name) else None


class Internal(GatewayError):
    """The gateway failed in a way it did not foresee; the request ID finds it in the log."""
