"""Idempotency keys: a name that a caller gives to a call, so that it can be repeated without being done twice.

As the IETF draft "The Idempotency-Key HTTP Header Field" has it: the key names the call, the fingerprint tells
whether a repeat asks for the same. Of both only SHA-256 digests are kept.
"""

import hashlib
import re
from datetime import datetime
from typing import Final

import msgspec

from gateway.errors import InvalidInput
from gateway.limits import MAX_KEY_CHARACTERS

_FORM: Final = re.compile(rf"[\x21-\x7e](?:[\x20-\x7e]{{0,{MAX_KEY_CHARACTERS - 2}}}[\x21-\x7e])?")


class Key(msgspec.Struct, frozen=True):
    """A key and what was asked under it, both as SHA-256."""

    digest: bytes
    fingerprint: bytes


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a key when its run is written."""

    key: Key
    #: The call may be made anew under it: what hindered this one can heal.
    freed: bool = False


class KnownCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was made under a key."""

    fingerprint: bytes
    run_id: str
    execution_id: str
    #: The IDs of the entries that the caller put in with it.
    seed: tuple[str, ...] = ()
    #: Until when it is being waited for; None once it has ended, and for a run in the background.
    lease_until: datetime | None = None


def key_text(given: str | None) -> str | None:
    """The key that a header or field holds, with or without the quotes of a structured field; None for none.

    Raises:
        InvalidInput: it is not 1 to 255 printable ASCII characters.
    """
    if not given:
        return None
    bare = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    if not _FORM.fullmatch(bare):
        raise InvalidInput(
            f"An idempotency key is 1 to {MAX_KEY_CHARACTERS} printable ASCII characters.", field="Idempotency-Key"
        )
    return bare


def digest(owner: str, text: str) -> bytes:
    """SHA-256 of a key of this owner's; no two owners have one in common."""
    return hashlib.sha256((f"{owner}\0{text}" if owner else text).encode()).digest()
