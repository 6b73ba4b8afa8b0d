"""URLs as they may be shown: without what opens a door."""

import re
from typing import Final
from urllib.parse import urlsplit

HIDDEN: Final = "***"
_SECRET: Final = re.compile(r"(?i)((?:^|[?&])[^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*")


def without_secrets(text: str) -> str:
    """`text`, and if it is a URL without its password and without the secrets in its query."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    account, at, host = parts.netloc.rpartition("@")
    name, colon, _ = account.partition(":")
    netloc = f"{name}{colon}{HIDDEN if colon else ''}{at}{host}"
    query = _SECRET.sub(rf"\g<1>{HIDDEN}", parts.query)
    # Put together by hand: urlunsplit drops an empty host, as that of a socket.
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if query else ''}{query}"
