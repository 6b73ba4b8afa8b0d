"""What the system and the object stores say when they fail, in our words; why goes to the log."""

import errno
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from gateway.errors import StorageUnavailable

log = logging.getLogger(__name__)

#: What an object store raises when it refuses our credentials.
REFUSED: Final = (PermissionDeniedError, UnauthenticatedError)

_AWAY: Final = "The media store is not reachable; try again shortly."
_FULL: Final = "The media store has no room left; nothing was stored."
_CLOSED: Final = "The media store does not let the gateway in."
_SAID: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: _CLOSED,
}
_NO_BUCKET: Final = re.compile(r"<Code>(NoSuchBucket|ContainerNotFound)</Code>")
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
#: A query may hold a signature, and the answer of a server the request that it could not check.
_CONFIDENTIAL: Final = re.compile(r"\?\S*|<.*", re.DOTALL)


@contextmanager
def failures() -> Iterator[None]:
    """Turn a store that fails into StorageUnavailable.

    Raises:
        StorageUnavailable: it did.
    """
    try:
        yield
    except (BaseError, OSError) as failure:
        log_unavailable(reason(failure))
        raise StorageUnavailable(_message(failure)) from failure


def log_unavailable(said: str) -> None:
    """Say in the log that the store failed; never with what was to be stored."""
    log.warning("blob.unavailable", extra={"said": said})


def reason(failure: Exception) -> str:
    """Why it failed, in one line."""
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    said = str(failure).partition("\n\nDebug source:")[0]
    code = _CODE.search(said)
    return f"{_CONFIDENTIAL.sub('', said).strip()[:500]} {code[1] if code else ''}".strip() or type(failure).__name__


def no_bucket(failure: FileNotFoundError) -> bool:
    """Whether it is the bucket that is not there, rather than an object in it."""
    return _NO_BUCKET.search(str(failure)) is not None


def _message(failure: Exception) -> str:
    if isinstance(failure, REFUSED):
        return _CLOSED
    return _SAID.get(getattr(failure, "errno", None) or 0, _AWAY)
