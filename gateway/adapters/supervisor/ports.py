"""Reserves the loopback ports of a child for as long as the gateway lives, so that a restart finds them free."""

import contextlib
import socket

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A free port, held by a socket that is bound and never listens; the child binds it beside us with SO_REUSEPORT."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((LOOPBACK, 0))

    @property
    def number(self) -> int:
        """The number of the port."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """The port as `host:port`."""
        return f"{LOOPBACK}:{self.number}"

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen here; a name that means nothing here is not free."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return False
    for family, kind, protocol, _, address in found[:1]:
        with contextlib.closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError:
                return False
    return True
