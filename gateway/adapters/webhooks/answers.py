"""What a receiver answered, or how it could not be reached, as a receipt."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from gateway.domain.deliveries import Failure
from gateway.errors import TargetForbidden
from gateway.limits import MAX_EXCERPT_CHARACTERS

#: What broke, the special before the general.
_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (TargetForbidden, Failure.FORBIDDEN),
    (TimeoutError, Failure.TIMEOUT),
    (aiohttp.ClientConnectorDNSError, Failure.DNS),
    (aiohttp.ClientConnectorCertificateError, Failure.TLS),
    (aiohttp.ClientSSLError, Failure.TLS),
    (aiohttp.ClientConnectorError, Failure.REFUSED),
)


def of_status(status: int) -> Failure | None:
    """Whether an answer of this status is a failure: all that is not 2xx is one."""
    if 200 <= status < 300:
        return None
    return Failure.REDIRECT if 300 <= status < 400 else Failure.STATUS


def of_error(error: Exception) -> Failure:
    """Why there is no answer."""
    return next((failure for kind, failure in _FAILURES if isinstance(error, kind)), Failure.BROKEN)


def seconds_of(retry_after: str | None, at: datetime) -> float | None:
    """The seconds that `Retry-After` names, as a number or as a date; None where it names none."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _until(retry_after, at)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str, at: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
        return (moment.replace(tzinfo=moment.tzinfo or UTC) - at).total_seconds()
    except (ValueError, OverflowError):
        return math.nan


def excerpt_of(body: bytes) -> str:
    """The beginning of an answer, on one line, with nothing in it that a terminal would obey."""
    text = " ".join(body.decode("utf-8", "replace").split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)[
        :MAX_EXCERPT_CHARACTERS
    ]
