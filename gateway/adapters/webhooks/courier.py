"""Takes letters to their receivers over HTTP, each on a connection of its own, none for longer than its time."""

import asyncio
import io
import logging
import ssl
import time
from contextlib import suppress
from typing import Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from gateway import __version__, metrics
from gateway.adapters.outgoing.lookup import CheckedLookup
from gateway.adapters.outgoing.session import open_session
from gateway.adapters.outgoing.targets import Targets, is_numeric
from gateway.adapters.webhooks import answers
from gateway.adapters.webhooks.signature import signed
from gateway.domain.deliveries import Letter, Receipt
from gateway.errors import TargetForbidden
from gateway.limits import CONNECT_TIMEOUT, DELIVERIES_PER_RECEIVER, DELIVERY_TIMEOUT, MAX_ANSWER_BYTES

log = logging.getLogger(__name__)

_FIXED: Final = {
    "User-Agent": f"triton-ensemble-gateway/{__version__}",
    "Accept": "*/*",
    # What is read of an answer is bounded as it comes over the wire.
    "Accept-Encoding": "identity",
}


class WebhookCourier:
    """A `Courier` over HTTP; made inside the event loop that it works in."""

    def __init__(
        self,
        targets: Targets,
        *,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = DELIVERY_TIMEOUT,
    ):
        self._targets = targets
        # c-ares, not the system's getaddrinfo: a name that is slow to look up occupies no thread that others need.
        self._lookup = CheckedLookup(targets, resolver or aiohttp.AsyncResolver())
        self._timeout = timeout
        self._session = open_session(self._lookup, per_host=DELIVERIES_PER_RECEIVER, tls=tls)

    async def admit(self, url: str) -> None:
        """See `Courier.admit`."""
        target = self._targets.url(url)
        host, port = target.raw_host, target.port
        if host is None or port is None or is_numeric(host):
            return
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._lookup.resolve(host, port)

    async def send(self, letter: Letter) -> Receipt:
        """See `Courier.send`."""
        began, deadline = time.perf_counter(), asyncio.get_running_loop().time() + self._timeout
        try:
            receipt = await self._sent(letter, deadline)
        except (aiohttp.ClientError, TargetForbidden, OSError, ValueError) as error:
            receipt = Receipt(failure=answers.of_error(error))
            log.info("delivery.unanswered", extra={"webhook_id": letter.webhook_id, "said": type(error).__name__})
        seconds = time.perf_counter() - began
        metrics.TRIES.labels(receipt.failure or "delivered").inc()
        metrics.TRY_SECONDS.observe(seconds)
        return msgspec.structs.replace(receipt, seconds=seconds)

    async def _sent(self, letter: Letter, deadline: float) -> Receipt:
        url = self._targets.url(letter.url)
        async with asyncio.timeout_at(deadline):
            response = await self._post(url, letter)
        try:
            beginning = await _beginning(response, deadline)
        finally:
            response.close()
        return Receipt(
            status=response.status,
            failure=answers.of_status(response.status),
            retry_after=answers.seconds_of(response.headers.get("Retry-After"), letter.at),
            excerpt=answers.excerpt_of(beginning),
        )

    async def _post(self, url: URL, letter: Letter) -> aiohttp.ClientResponse:
        headers = CIMultiDict(_FIXED)
        for more in (letter.headers, {"Content-Type": letter.content_type}, signed(letter)):
            headers.update(more)
        return await self._session.post(url, data=io.BytesIO(letter.body), headers=headers, allow_redirects=False)

    async def close(self) -> None:
        """See `Courier.close`."""
        await self._session.close()
        await self._lookup.close()


async def _beginning(response: aiohttp.ClientResponse, deadline: float) -> bytes:
    """What came of the body, as far as it is read: the status has said it all, so a body may break off."""
    body = bytearray()
    with suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout_at(deadline):
            async for piece in response.content.iter_chunked(MAX_ANSWER_BYTES):
                body += piece
                if len(body) >= MAX_ANSWER_BYTES:
                    break
    return bytes(body[:MAX_ANSWER_BYTES])
