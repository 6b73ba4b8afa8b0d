"""The keys of an issuer of tokens, as it shows them (JWKS, RFC 7517): fetched now and then, kept while it is away."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.errors import CredentialInvalid, IssuerUnavailable
from gateway.limits import ISSUER_FRESHNESS, ISSUER_PATIENCE, ISSUER_PAUSE, ISSUER_TIMEOUT, MAX_ISSUER_BYTES

log = logging.getLogger(__name__)

_PIECE: Final = 16 * 1024
_LEAST_BITS: Final = 2048


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class IssuerKeys:
    """Signing keys (RS256) from the address where their issuer shows them."""

    algorithm = "RS256"

    def __init__(self, url: str, seconds: Callable[[], float] = time.monotonic):
        self._url = url
        self._seconds = seconds
        self._keys: Mapping[str | None, RSAPublicKey] = {}
        self._read_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def key(self, key_id: str | None) -> RSAPublicKey:
        """See `SigningKeys.key`; an ID that nobody knows has the keys fetched again, but not by every token."""
        if self._age > ISSUER_FRESHNESS:
            self._fetch()
        found = self._found(key_id)
        if found is None:
            fetching = self._fetch()
            if fetching is not None:
                await asyncio.shield(fetching)
            found = self._found(key_id)
        if found is not None:
            return found
        # The last try failed, or what was read is too old: the key may be a new one.
        raise IssuerUnavailable if self._read_at < self._tried_at or self._age > ISSUER_PATIENCE else CredentialInvalid

    async def close(self) -> None:
        """See `SigningKeys.close`."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def _age(self) -> float:
        return self._seconds() - self._read_at

    def _found(self, key_id: str | None) -> RSAPublicKey | None:
        return self._keys.get(key_id) if self._age <= ISSUER_PATIENCE else None

    def _fetch(self) -> asyncio.Task[None] | None:
        """The fetching that is under way, or that begins now; None so soon after the last one."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if self._seconds() - self._tried_at < ISSUER_PAUSE:
            return None
        self._tried_at = self._seconds()
        self._fetching = asyncio.create_task(self._read())
        return self._fetching

    async def _read(self) -> None:
        began = self._tried_at
        try:
            self._keys = usable(msgspec.json.decode(await self._body(), type=_KeySet).keys)
            self._read_at = began
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            log.warning("issuer.unavailable", extra={"said": str(failure)[:200] or type(failure).__name__})

    async def _body(self) -> bytes:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ISSUER_TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, headers={"Accept-Encoding": "identity"})
        async with self._session.get(self._url, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise ValueError(f"The issuer answers with {response.status}.")
            found = bytearray()
            async for piece in response.content.iter_chunked(_PIECE):
                found += piece
                if len(found) > MAX_ISSUER_BYTES:
                    raise ValueError("The keys are larger than any issuer's.")
            return bytes(found)


def usable(keys: list[dict[str, Any]]) -> Mapping[str | None, RSAPublicKey]:
    """Those of the keys that RS256 may be checked with, by ID; the only one stands for tokens that name none, too."""
    found: dict[str | None, RSAPublicKey] = {}
    for each in keys:
        key = _public(each)
        if key is not None:
            found[str(each.get("kid"))] = key
    return found | {None: next(iter(found.values()))} if len(found) == 1 else found


def _public(told: Mapping[str, Any]) -> RSAPublicKey | None:
    fits = told.get("kty") == "RSA" and told.get("use", "sig") == "sig" and told.get("alg", "RS256") == "RS256"
    if not fits or "d" in told:
        return None
    try:
        key = jwt.PyJWK(dict(told), algorithm="RS256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_BITS else None
