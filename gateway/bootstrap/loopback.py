"""Which addresses only this machine reaches."""

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name is what it stands for, and one of nothing is not."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        return False
    return bool(host) and all(_loops(str(address[0])) for *_, address in found)


def _loops(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)
