"""What can go wrong between a client and a gateway; each message is a whole sentence."""


class ClientError(Exception):
    """The call brought no result."""


class Unreachable(ClientError):
    """Nobody answers at the address."""

    def __init__(self, url: str) -> None:
        super().__init__(f"No gateway answers at {url}: start one with gateway serve, or name another with --url.")


class ConnectionLost(ClientError):
    """The gateway took the call, and its answer did not come: whether it did the work is not known."""


class NotAGateway(ClientError):
    """Something answers at the address, and it is no gateway."""

    def __init__(self, url: str) -> None:
        super().__init__(f"What answers at {url} is not a gateway: name another with --url.")


class Refused(ClientError):
    """The gateway refused the call, or failed at it."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        field: str | None = None,
        retry_after: float | None = None,
        execution_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.field = field
        self.retry_after = retry_after
        #: The record that the failure left, where it left one.
        self.execution_id = execution_id
        self.run_id = run_id
