"""API keys: `gw_<id>_<secret>`, of which the gateway keeps the id and a digest."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final

import msgspec

from gateway.domain.access import Caller, Scope
from gateway.domain.rates import rate_of
from gateway.errors import InvalidInput
from gateway.limits import MAX_NAME_CHARACTERS, MAX_PIPELINES_PER_KEY

_FORM: Final = re.compile(r"gw_([0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII)
_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
#: What a key is compared with that there is none of, so that the time taken tells nothing.
_NOBODYS: Final = secrets.token_bytes(hashlib.sha256().digest_size)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one key: all but the key itself."""

    key_id: str
    name: str
    owner: str
    digest: bytes
    scopes: frozenset[Scope]
    created_at: datetime
    pipelines: frozenset[str] | None = None
    rate: str | None = None
    concurrency: int | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def good_at(self, moment: datetime) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)

    @property
    def caller(self) -> Caller:
        """Who holds it."""
        return Caller(
            owner=self.owner,
            scopes=self.scopes,
            pipelines=self.pipelines,
            name=self.name,
            key_id=self.key_id,
            rate=self.rate,
            concurrency=self.concurrency,
        )


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is to be; without an owner it is its name's."""

    name: str
    scopes: frozenset[Scope]
    owner: str | None = None
    pipelines: frozenset[str] | None = None
    rate: str | None = None
    concurrency: int | None = None
    expires_at: datetime | None = None

    def check(self, moment: datetime) -> None:
        """Refuse what no key can be.

        Raises:
            InvalidInput: it says which field, and what it takes.
        """
        checked_name(self.name, "name")
        checked_name(self.name if self.owner is None else self.owner, "owner")
        if not self.scopes:
            raise InvalidInput(f"A key needs a scope: {', '.join(Scope)}.", field="scopes")
        if self.pipelines is not None and not 0 < len(self.pipelines) <= MAX_PIPELINES_PER_KEY:
            raise InvalidInput(f"A key is for 1 to {MAX_PIPELINES_PER_KEY} pipelines, or for all.", field="pipelines")
        if self.rate is not None:
            _check_rate(self.rate)
        if self.concurrency is not None and not 0 < self.concurrency < 1 << 31:
            raise InvalidInput("Calls at once are a number above 0.", field="concurrency")
        if self.expires_at is not None and self.expires_at <= moment:
            raise InvalidInput("The key would have expired already.", field="expires_at")

    def made(self, key: str, moment: datetime) -> ApiKey:
        """What is kept of `key`, which is made to be this."""
        key_id = key_id_of(key)
        assert key_id is not None
        return ApiKey(
            key_id=key_id,
            name=self.name,
            owner=self.name if self.owner is None else self.owner,
            digest=digest_of(key),
            scopes=self.scopes,
            created_at=moment,
            pipelines=self.pipelines,
            rate=self.rate,
            concurrency=self.concurrency,
            expires_at=self.expires_at,
        )


def new_key() -> str:
    """A fresh key, with 256 bits that nobody can guess."""
    return f"gw_{secrets.token_hex(_ID_BYTES)}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def key_id_of(credential: str) -> str | None:
    """The part of a key that is no secret; None where this is no key."""
    found = _FORM.fullmatch(credential)
    return found[1] if found else None


def digest_of(key: str) -> bytes:
    """What is kept instead of a key.

    A fast hash is right here: passwords need a slow one because they can be guessed, and 256 bits of chance cannot.
    """
    return hashlib.sha256(key.encode()).digest()


def matches(credential: str, key: ApiKey | None) -> bool:
    """Whether this is that key, in the same time whether it is, is not, or there is none."""
    same = hmac.compare_digest(digest_of(credential), _NOBODYS if key is None else key.digest)
    return same and key is not None


def _check_rate(rate: str) -> None:
    try:
        rate_of(rate)
    except ValueError as refusal:
        raise InvalidInput(str(refusal), field="rate") from None


def checked_name(name: str, field: str) -> str:
    """A name of a key or of an owner: visible characters, and few.

    Raises:
        InvalidInput: it is none.
    """
    if not (0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable() and name == name.strip()):
        raise InvalidInput(f"It is not a name of 1 to {MAX_NAME_CHARACTERS} visible characters.", field=field)
    return name
