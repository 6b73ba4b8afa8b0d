"""The mode in which callers hold tokens (JWT, RFC 7519) of one issuer."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.adapters.jwt.claims import Claims
from gateway.domain.access import Caller
from gateway.errors import CredentialInvalid, CredentialMissing
from gateway.limits import MAX_TOKEN_CHARACTERS, TOKEN_LEEWAY

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
    """An `Authenticator` for tokens."""

    asks = True

    def __init__(self, keys: SigningKeys, issuer: str, audience: str, claims: Claims):
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._claims = claims

    async def caller(self, credential: str | None) -> Caller:
        """See `Authenticator.caller`."""
        if credential is None:
            raise CredentialMissing
        if len(credential) > MAX_TOKEN_CHARACTERS:
            raise CredentialInvalid
        try:
            told = await self._told(credential)
        except (jwt.PyJWTError, ValueError):
            # Which of the many things is wrong helps only who tries.
            raise CredentialInvalid from None
        return self._claims.caller(told)

    async def _told(self, token: str) -> Mapping[str, Any]:
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

    async def close(self) -> None:
        """See `Authenticator.close`."""
        await self._keys.close()
