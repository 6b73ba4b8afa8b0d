"""The headers of Standard Webhooks: which message, when it was sent, and who vouches for it."""

import base64
import math

from standardwebhooks.webhooks import hmac_data

from gateway.domain.deliveries import Letter
from gateway.domain.signing import SIGNING_PREFIX


def signed(letter: Letter) -> dict[str, str]:
    """The three headers of a letter; without secrets there is no signature.

    The library signs text alone, and the body of a form is none: only its HMAC is taken.
    """
    seconds = str(math.floor(letter.at.timestamp()))
    headers = {"webhook-id": letter.webhook_id, "webhook-timestamp": seconds}
    if letter.secrets:
        message = f"{letter.webhook_id}.{seconds}.".encode() + letter.body
        headers["webhook-signature"] = " ".join(_signature(secret, message) for secret in letter.secrets)
    return headers


def _signature(secret: str, message: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SIGNING_PREFIX))
    return "v1," + base64.b64encode(hmac_data(key, message)).decode()
