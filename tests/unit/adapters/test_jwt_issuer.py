import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.adapters.jwt.claims import Claims
from gateway.adapters.jwt.issuer import IssuerKeys
from gateway.adapters.jwt.tokens import TokenAccess
from gateway.errors import CredentialInvalid, IssuerUnavailable
from gateway.limits import ISSUER_FRESHNESS, ISSUER_PATIENCE, ISSUER_PAUSE, MAX_ISSUER_BYTES, TOKEN_FRESHNESS
from unit.adapters.issuing import AUDIENCE, ISSUER, Issuer, issuing, shown, signed


class Asked:
    """Tokens of an issuer, at a time that the test sets."""

    def __init__(self, issuer: Issuer):
        self.issuer, self.now = issuer, 0.0
        self.keys = IssuerKeys(issuer.url, lambda: self.now)
        self.access = TokenAccess(self.keys, ISSUER, AUDIENCE, Claims(), lambda: self.now)

    async def owner(self, name: str, **header: object) -> str:
        return (await self.access.caller(signed(name, claims(), **header))).owner

    async def settled(self) -> None:
        """Wait for what is fetched behind the callers' backs."""
        if self.keys._fetching is not None:
            await asyncio.gather(self.keys._fetching)


def claims() -> dict[str, Any]:
    return {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60, "sub": "alice"}


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with issuing() as issuer:
        found = Asked(issuer)
        issuer.show(shown("one"), shown("two"))
        yield found
        await found.access.close()


async def test_the_keys_are_fetched_once_for_many_who_come_at_once(asked: Asked) -> None:
    owners = await asyncio.gather(*(asked.owner(name) for name in ("one", "two") * 10))
    assert (set(owners), asked.issuer.looks) == ({"alice"}, 1)


async def test_a_key_under_the_id_of_another_opens_nothing(asked: Asked) -> None:
    with pytest.raises(CredentialInvalid):
        await asked.owner("one", kid="two")


async def test_tokens_that_name_unknown_keys_have_them_fetched_only_now_and_then(asked: Asked) -> None:
    for number in range(50):
        with pytest.raises(CredentialInvalid):
            await asked.owner("three", kid=f"unknown-{number}")
    assert asked.issuer.looks == 1
    asked.now = ISSUER_PAUSE
    asked.issuer.show(shown("one"), shown("three"))
    assert await asked.owner("three") == "alice"
    assert asked.issuer.looks == 2


async def test_a_key_that_the_issuer_shows_no_more_opens_nothing(asked: Asked) -> None:
    await asked.owner("two")
    asked.issuer.show(shown("one"))
    asked.now = ISSUER_FRESHNESS + 1
    await asked.owner("two")
    await asked.settled()
    asked.now += TOKEN_FRESHNESS
    with pytest.raises(CredentialInvalid):
        await asked.owner("two")


async def test_while_the_issuer_is_away_its_keys_are_good_for_a_bounded_time(asked: Asked) -> None:
    await asked.owner("one")
    asked.issuer.status = 500
    asked.now = ISSUER_PATIENCE
    assert await asked.owner("one") == "alice"
    await asked.settled()
    asked.now = ISSUER_PATIENCE + TOKEN_FRESHNESS
    with pytest.raises(IssuerUnavailable):
        await asked.owner("one")
    asked.issuer.status, asked.now = 200, asked.now + ISSUER_PAUSE
    assert await asked.owner("one") == "alice"


async def test_a_key_that_nobody_knows_is_not_called_invalid_while_the_issuer_is_away(asked: Asked) -> None:
    await asked.owner("one")
    asked.issuer.status, asked.now = 503, ISSUER_PAUSE
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            await asked.owner("three")
    assert asked.issuer.looks == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b'{"keys":5}', b'{"keys":[5]}', b'{"keys":[' + b" " * MAX_ISSUER_BYTES + b"]}"],
    ids=["empty", "text", "list", "number", "numbers", "large"],
)
async def test_what_is_no_set_of_keys_is_as_good_as_none(asked: Asked, body: bytes) -> None:
    asked.issuer.body = body
    with pytest.raises(IssuerUnavailable):
        await asked.owner("one")


async def test_an_issuer_sends_nobody_elsewhere(asked: Asked) -> None:
    asked.issuer.status, asked.issuer.headers = 302, {"Location": asked.issuer.url}
    with pytest.raises(IssuerUnavailable):
        await asked.owner("one")
    assert asked.issuer.looks == 1


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        shown("one", use="enc"),
        shown("one", alg="RS512"),
        shown("one", n="AQAB"),
        shown("one", n=5),
        shown("one", d="AQAB"),
        shown("small", kid="one"),
    ],
    ids=["symmetric", "encryption", "algorithm", "tiny", "number", "private", "1024"],
)
async def test_keys_that_tokens_are_not_signed_with_are_left_out(asked: Asked, key: dict[str, Any]) -> None:
    asked.issuer.show(key, shown("two"))
    assert await asked.owner("two") == "alice"
    with pytest.raises(CredentialInvalid):
        await asked.owner("one")


async def test_a_token_that_names_no_key_is_of_the_only_one(asked: Asked) -> None:
    with pytest.raises(CredentialInvalid):
        await asked.owner("one", kid=None)
    asked.issuer.show(shown("one"))
    asked.now = ISSUER_PAUSE
    assert await asked.owner("one", kid=None) == "alice"
