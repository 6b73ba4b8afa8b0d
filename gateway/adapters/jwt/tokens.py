"""The mode in which callers hold tokens (JWT, RFC 7519) of one issuer."""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.adapters.jwt.claims import Claims
from gateway.domain.access import Caller
from gateway.errors import CredentialInvalid, CredentialMissing
from gateway.limits import MAX_KNOWN_TOKENS, MAX_TOKEN_CHARACTERS, TOKEN_FRESHNESS, TOKEN_LEEWAY

_NEEDED: Final = ("exp", "iss", "aud")


class SigningKeys(Protocol):
    """What the issuer signs tokens with, and how: the token itself has no say in that."""

    #: The one algorithm.
    algorithm: str

    async def key(self, key_id: str | None) -> RSAPublicKey | bytes:
        """The key of this ID, as a token names it.

        Raises:
            CredentialInvalid: the issuer has none of this ID.
            IssuerUnavailable: nobody can say.
        """
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


class SharedSecret:
    """The one secret that the issuer and the gateway share (HS256)."""

    algorithm = "HS256"

    def __init__(self, secret: bytes):
        self._secret = secret

    async def key(self, key_id: str | None) -> bytes:  # noqa: ARG002 - there is one
        """See `SigningKeys.key`."""
        return self._secret

    async def close(self) -> None:
        """See `SigningKeys.close`: there is nothing."""


class TokenAccess:
    """An `Authenticator` for tokens; one that was good is so for a moment, and not past its end."""

    asks = True

    def __init__(
        self,
        keys: SigningKeys,
        issuer: str,
        audience: str,
        claims: Claims,
        seconds: Callable[[], float] = time.monotonic,
    ):
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._claims = claims
        self._seconds = seconds
        #: Who holds a token, by its digest, and until when that is known.
        self._good: dict[bytes, tuple[Caller, float]] = {}

    async def caller(self, credential: str | None) -> Caller:
        """See `Authenticator.caller`."""
        if credential is None:
            raise CredentialMissing
        if len(credential) > MAX_TOKEN_CHARACTERS:
            raise CredentialInvalid
        digest = hashlib.sha256(credential.encode()).digest()
        known = self._good.get(digest)
        if known is not None and self._seconds() < known[1]:
            return known[0]
        told = await self._told(credential)
        caller = self._claims.caller(told)
        self._remember(digest, caller, told["exp"])
        return caller

    async def _told(self, token: str) -> Mapping[str, Any]:
        """The claims of a token.

        Raises:
            CredentialInvalid: it is not good; which of the many things is wrong helps only who tries.
            IssuerUnavailable: nobody can say.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != self._keys.algorithm:
                raise CredentialInvalid
            return jwt.decode(
                token,
                await self._keys.key(header.get("kid")),
                algorithms=[self._keys.algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=TOKEN_LEEWAY,
                options={"require": list(_NEEDED)},
            )
        except (jwt.PyJWTError, ValueError):
            raise CredentialInvalid from None

    def _remember(self, digest: bytes, caller: Caller, end: float) -> None:
        self._good.pop(digest, None)
        self._good[digest] = caller, self._seconds() + min(TOKEN_FRESHNESS, int(end) - time.time())
        if len(self._good) > MAX_KNOWN_TOKENS:
            del self._good[next(iter(self._good))]

    async def close(self) -> None:
        """See `Authenticator.close`."""
        await self._keys.close()
