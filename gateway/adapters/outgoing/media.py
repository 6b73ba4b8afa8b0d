"""Fetches media from URLs: checked addresses, few redirects, bounded time and bytes, types known by content."""

import asyncio
import logging
import ssl
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from gateway import __version__
from gateway.adapters.outgoing.lookup import CheckedLookup
from gateway.adapters.outgoing.session import open_session
from gateway.adapters.outgoing.targets import Targets
from gateway.domain.media_types import sniff
from gateway.errors import TargetForbidden, UrlFailed, UrlForbidden
from gateway.limits import MAX_URL_REDIRECTS, URLS_IN_HAND, URLS_PER_HOST

log = logging.getLogger(__name__)

_HEADERS: Final = {
    "User-Agent": f"triton-ensemble-gateway/{__version__}",
    "Accept": "*/*",
    # What is read is bounded as it comes over the wire, and nothing is unpacked.
    "Accept-Encoding": "identity",
}
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_PIECE: Final = 64 * 1024
#: What broke, the special before the general.
_BROKEN: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "The name of its host could not be looked up."),
    (aiohttp.ClientConnectorCertificateError, "The certificate of its host is not valid."),
    (aiohttp.ClientSSLError, "Its host speaks no TLS that the gateway trusts."),
    (aiohttp.ClientConnectorError, "Its host takes no connection."),
    (aiohttp.InvalidURL, "It redirects to what is no URL."),
)


class UrlFetcher:
    """A `MediaFetcher` over HTTP; made inside the event loop that it works in."""

    def __init__(
        self, targets: Targets, *, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None
    ):
        self._targets = targets
        self._lookup = CheckedLookup(targets, resolver or aiohttp.AsyncResolver())
        self._session = open_session(self._lookup, at_once=URLS_IN_HAND, per_host=URLS_PER_HOST, tls=tls)

    async def fetch(self, url: str, most: int, seconds: float) -> bytes:
        """See `MediaFetcher.fetch`."""
        try:
            async with asyncio.timeout(seconds):
                data = await self._followed(self._targets.url(url), most)
        except TargetForbidden as refusal:
            raise UrlForbidden(refusal.message) from None
        except TimeoutError:
            raise UrlFailed(f"The media did not come within {seconds:.3g} s.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.info("url.failed", extra={"said": type(error).__name__})
            raise UrlFailed(_words(error)) from None
        if sniff(data) is None:
            raise UrlFailed("What came is of no type that the gateway knows by its content.")
        return data

    async def _followed(self, url: URL, most: int) -> bytes:
        """What is at a URL, or where it leads to; each step is checked like the first."""
        for _ in range(MAX_URL_REDIRECTS + 1):
            response = await self._session.get(url, headers=_HEADERS, allow_redirects=False)
            try:
                if response.status not in _REDIRECTS or "Location" not in response.headers:
                    return await _body(response, most)
                url = self._next(url, response.headers["Location"])
            finally:
                response.close()
        raise UrlFailed(f"It redirects more than {MAX_URL_REDIRECTS} times.")

    def _next(self, url: URL, location: str) -> URL:
        found = self._targets.url(str(url.join(URL(location))))
        if url.scheme == "https" and found.scheme != "https":
            raise TargetForbidden("The address redirects from https to http.")
        return found

    async def close(self) -> None:
        """See `MediaFetcher.close`."""
        await self._session.close()
        await self._lookup.close()


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    if response.status != 200:
        raise UrlFailed(f"Its host answered with a status of {response.status // 100}xx.")
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UrlFailed("Its host sends it encoded, though it was asked not to.")
    if (response.content_length or 0) > most:
        raise _too_large(most)
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> UrlFailed:
    return UrlFailed(f"The media is larger than the {most} bytes that the call may still fetch.")


def _words(error: Exception) -> str:
    return next((words for kind, words in _BROKEN if isinstance(error, kind)), "The connection to its host broke.")
