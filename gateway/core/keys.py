"""Calls under an idempotency key: done once, however often they are asked."""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.domain.calls import Call
from gateway.domain.keys import Key, KnownCall, digest
from gateway.domain.media import Brought, Media
from gateway.errors import GatewayError, KeyInFlight, KeyReused, Overloaded, RunCanceled, Unavailable
from gateway.ports import KeyStore

#: A call that is waited for holds its key for this many times its own deadline.
_LEASE: Final = 2.0
#: What of a call does not make it another one: how long its caller waits, and what the media are hashed for.
_APART: Final = frozenset(("key", "timeout", "media"))
_encode: Final = msgspec.json.Encoder(order="deterministic", enc_hook=repr).encode


class Keys:
    """Knows which calls were made before."""

    def __init__(self, store: KeyStore):
        self._store = store

    async def earlier(self, key: Key | None) -> KnownCall | None:
        """The call that was made under this key and has been accepted or has ended; None where there was none.

        Raises:
            KeyReused: it was another call.
            KeyInFlight: somebody waits for it now.
        """
        if key is None:
            return None
        known = await self._store.find(key)
        if known is None:
            return None
        if known.fingerprint != key.fingerprint:
            raise KeyReused
        if known.lease_until is not None:
            raise KeyInFlight
        return known

    async def reserve(self, key: Key, run_id: str, execution_id: str, timeout: float) -> KnownCall | None:
        """Hold the key for this call; what is returned is a call that was faster, and has ended.

        Raises:
            KeyReused, KeyInFlight: as `earlier`.
        """
        if await self._store.reserve(key, run_id, execution_id, _LEASE * timeout):
            return None
        known = await self.earlier(key)
        if known is None:
            # It was freed at this moment.
            raise KeyInFlight
        return known


def key_of(owner: str, call: Call) -> Key | None:
    """The key of an owner's call and the fingerprint of what it asks for; None where it has none."""
    return None if call.key is None else Key(digest(owner, call.key), _fingerprint(call))


def frees(error: GatewayError) -> bool:
    """Whether a call that ended with this error may be made anew under its key: what hindered it can heal."""
    return isinstance(error, Unavailable | Overloaded | RunCanceled)


def _fingerprint(call: Call) -> bytes:
    asked = {name: getattr(call, name) for name in call.__struct_fields__ if name not in _APART}
    return _sha256((_encode(asked), *map(_media_print, call.media)))


def _media_print(media: Brought) -> bytes:
    """Of what is brought its bytes count, of what is named its name: what stands there may change."""
    if isinstance(media, Media):
        parts: tuple[bytes, ...] = (hashlib.sha256(media.data).digest(), _encode(media.pages))
    else:
        parts = (type(media).__name__.encode(), _encode(media))
    return _sha256(parts)


def _sha256(parts: Iterable[bytes]) -> bytes:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.digest()
