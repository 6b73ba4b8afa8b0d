"""Signing secrets, as Standard Webhooks has them: `whsec_` and the base64 of 24 to 64 bytes."""

import base64
import binascii
import secrets
from typing import Final

from gateway.errors import InvalidInput
from gateway.limits import MAX_HOOK_SECRETS

SIGNING_PREFIX: Final = "whsec_"
_LENGTHS: Final = range(24, 65)
#: Bytes of a fresh one.
_FRESH: Final = 32


def check_secrets(several: tuple[str, ...]) -> None:
    """Refuse secrets that are not of this form.

    Raises:
        InvalidInput: they are not, or there are too many.
    """
    if len(several) > MAX_HOOK_SECRETS:
        raise InvalidInput(f"A hook has at most {MAX_HOOK_SECRETS} secrets.", field="secrets")
    if not all(map(_is_secret, several)):
        raise InvalidInput("A secret is 'whsec_' and the base64 of 24 to 64 bytes.", field="secrets")


def new_secret() -> str:
    """A fresh secret."""
    return SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(_FRESH)).decode()


def _is_secret(text: str) -> bool:
    if not text.startswith(SIGNING_PREFIX):
        return False
    try:
        key = base64.b64decode(text.removeprefix(SIGNING_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(key) in _LENGTHS
