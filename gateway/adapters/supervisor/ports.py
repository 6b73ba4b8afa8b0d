"""Reserves the ports of children for as long as the gateway lives, so that a restart finds them free."""

import contextlib
import socket

LOOPBACK = "127.0.0.1"


class ReservedPort:
    """A port, held by a socket that is bound and never listens; a child binds it beside us with SO_REUSEPORT."""

    def __init__(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Take this port, or a free one for 0; `OSError` says why not."""
        self._host = host
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._socket.bind((host, port))
        except BaseException:
            self._socket.close()
            raise

    @property
    def number(self) -> int:
        """The number of the port."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """The port as `host:port`."""
        return f"{self._host}:{self.number}"

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
