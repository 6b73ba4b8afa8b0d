"""Who may enter, as the settings say."""

from gateway.adapters.postgres.api_keys import PostgresApiKeys
from gateway.adapters.postgres.database import Database
from gateway.bootstrap.loopback import is_loopback
from gateway.bootstrap.tokens import token_access
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
    if settings.auth == "jwt":
        return token_access(settings)
    return KeyAccess(PostgresApiKeys(database)) if settings.auth == "api_key" else OpenAccess()


def access_problem(settings: Settings) -> str | None:
    """The sentence about doors that would stand open, or about a mode that lacks something."""
    try:
        check_access(settings)
    except CannotStart as refusal:
        return str(refusal)
    return None


def check_access(settings: Settings) -> None:
    """Refuse to serve everybody by mistake, or nobody.

    Raises:
        CannotStart: nobody is asked who they are, and others than this machine's own users reach the address; or a
            setting of the mode is missing or wrong.
    """
    if settings.auth == "none" and not settings.insecure and not is_loopback(settings.host):
        raise CannotStart(
            f"With --auth none everybody who reaches {settings.host} could do everything: choose --auth api_key or "
            "--auth jwt, listen on 127.0.0.1, or say --insecure where something else keeps strangers out."
        )
    if settings.auth == "jwt":
        token_access(settings)
