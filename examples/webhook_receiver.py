"""A receiver of the gateway's webhooks: checks who sent each, takes each once, and prints it as one JSON line.

    python examples/webhook_receiver.py --secret whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD
    python examples/webhook_receiver.py --secret whsec_OLD... --secret whsec_NEW... --port 9000

Two secrets are taken while one takes the place of the other. The address to give to the hook is
http://HOST:PORT/; the gateway must be allowed to send to it where it is not a public one.
"""

import argparse
import base64
import hmac
import json
import sys
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import hmac_data

TOLERANCE = 5 * 60
MAX_BODY = 64 * 1024 * 1024


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the holder of `secret` signed these very bytes within the last five minutes."""
    if headers.get("content-type", "").startswith("multipart/form-data"):
        return is_genuine_form(secret, headers, body)
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def is_genuine_form(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """The same for a form with documents: its bytes are no text, and the library checks text alone."""
    message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = "v1," + base64.b64encode(hmac_data(key, f"{message_id}.{sent_at}.".encode() + body)).decode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(made.encode(), each.encode()) for each in given)


class Receiver(BaseHTTPRequestHandler):
    """One request; 204 tells the gateway that the event was taken, anything else has it send again."""

    timeout = 30
    secrets: ClassVar[Sequence[str]] = ()
    #: A receiver that must not forget keeps these beside what it does with the events.
    seen: ClassVar[dict[str, object]] = {}

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        if not any(is_genuine(secret, headers, body) for secret in self.secrets):
            self.send_error(401)
            return
        self.take(headers, body)
        self.send_response(204)
        self.end_headers()

    def take(self, headers: Mapping[str, str], body: bytes) -> None:
        """Do what there is to do, once: the same event may come again, under the same ID."""
        mine = object()
        if self.seen.setdefault(headers["webhook-id"], mine) is not mine:
            return
        told = {name: headers.get(name) for name in ("webhook-id", "x-event-type", "x-execution-id", "x-run-id")}
        told["status"] = headers.get("x-execution-status")
        print(json.dumps({**told, "bytes": len(body)}), flush=True)

    def log_message(self, *_: object) -> None:
        """The line per event is enough."""


def main() -> None:
    """Listen until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secret", action="append", required=True, help="a secret of the hook; may be repeated")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    asked = parser.parse_args()
    Receiver.secrets = asked.secret
    with ThreadingHTTPServer((asked.host, asked.port), Receiver) as server:
        print(f"listening on http://{asked.host}:{server.server_port}/", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
