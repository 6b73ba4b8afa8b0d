"""An issuer of tokens on a real socket, which shows its keys as a test says."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://issuer.example"
AUDIENCE = "gateway"


@cache
def private(name: str) -> rsa.RSAPrivateKey:
    """The private key of this name; that of `small` is too small."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if name == "small" else 2048)


def shown(name: str, **fields: object) -> dict[str, Any]:
    """The public key of this name, as an issuer shows it."""
    found: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private(name).public_key()))
    return found | {"kid": name, "use": "sig", "alg": "RS256"} | fields


def signed(name: str, claims: dict[str, Any], **header: object) -> str:
    """A token of these claims, by the key of this name."""
    named = {key: value for key, value in ({"kid": name} | header).items() if value is not None}
    return jwt.encode(claims, private(name), algorithm="RS256", headers=named)


class Issuer:
    """Answers every look at its keys with `body`, or with `status`."""

    def __init__(self) -> None:
        self.body = b'{"keys":[]}'
        self.status = 200
        self.headers: dict[str, str] = {}
        self.looks = 0
        self.url = ""

    def show(self, *keys: dict[str, Any]) -> None:
        """Show these from now on."""
        self.body = json.dumps({"keys": keys}).encode()

    async def answer(self, _: web.Request) -> web.Response:
        self.looks += 1
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer on a free port of this machine."""
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/keys.json", issuer.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    issuer.url = f"http://127.0.0.1:{port}/keys.json"
    try:
        yield issuer
    finally:
        await runner.cleanup()
