"""Who may enter, as the settings say."""

import ipaddress
import socket

from gateway.adapters.postgres.api_keys import PostgresApiKeys
from gateway.adapters.postgres.database import Database
from gateway.core.key_access import KeyAccess
from gateway.core.open_access import OpenAccess
from gateway.errors import CannotStart
from gateway.ports import Authenticator
from gateway.settings import Settings


def authenticator(settings: Settings, database: Database) -> Authenticator:
    """Who tells callers apart.

    Raises:
        CannotStart: a setting of this mode is missing or wrong.
    """
    if settings.auth == "none":
        return OpenAccess()
    return KeyAccess(PostgresApiKeys(database))


def access_problem(settings: Settings) -> str | None:
    """The sentence about doors that would stand open, or about a mode that lacks something."""
    try:
        refuse_open_doors(settings)
    except CannotStart as refusal:
        return str(refusal)
    return None


def refuse_open_doors(settings: Settings) -> None:
    """Refuse to serve everybody by mistake.

    Raises:
        CannotStart: nobody is asked who they are, and others than this machine's own users reach the address.
    """
    if settings.auth == "none" and not settings.insecure and not is_loopback(settings.host):
        raise CannotStart(
            f"With --auth none everybody who reaches {settings.host} could do everything: choose --auth api_key or "
            "--auth jwt, listen on 127.0.0.1, or say --insecure where something else keeps strangers out."
        )


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
