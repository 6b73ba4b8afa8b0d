import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.adapters.jwt import tokens
from gateway.adapters.jwt.claims import Claims
from gateway.adapters.jwt.tokens import SharedSecret, TokenAccess
from gateway.domain.access import Scope
from gateway.errors import CredentialInvalid, CredentialMissing
from gateway.limits import MAX_NAME_CHARACTERS, MAX_TOKEN_CHARACTERS, TOKEN_FRESHNESS, TOKEN_LEEWAY
from unit.adapters.issuing import AUDIENCE, ISSUER, private

SECRET = b"thirty-two bytes, and some more of them"


class KeyOfOne:
    """Signing keys of an issuer that has one, whatever a token calls it."""

    algorithm = "RS256"

    async def key(self, _: str | None) -> object:
        return private("one").public_key()

    async def close(self) -> None:
        """There is nothing."""


def access(claims: Claims | None = None) -> TokenAccess:
    return TokenAccess(SharedSecret(SECRET), ISSUER, AUDIENCE, claims or Claims())


def claims(**fields: object) -> dict[str, Any]:
    now = int(time.time())
    told = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 60, "iat": now, "sub": "alice", "scope": "openid run read"}
    return {name: value for name, value in (told | fields).items() if value is not None}


def token(key: bytes = SECRET, algorithm: str = "HS256", header: dict[str, Any] | None = None, **fields: object) -> str:
    return jwt.encode(claims(**fields), key, algorithm=algorithm, headers=header)


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def by_hand(header: object, told: object, secret: bytes) -> str:
    """A token as somebody writes it who follows no library."""
    text = f"{encoded(header)}.{encoded(told)}"
    signature = hmac.digest(secret, text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def refused(held: str, by: TokenAccess | None = None) -> None:
    with pytest.raises(CredentialInvalid):
        await (by or access()).caller(held)


async def test_who_holds_a_token_is_known_by_its_claims() -> None:
    caller = await access().caller(token())
    assert (caller.owner, caller.name, caller.key_id) == ("alice", "alice", None)
    assert caller.scopes == {Scope.RUN, Scope.READ}
    assert caller.pipelines is None


async def test_without_a_token_nobody_enters() -> None:
    with pytest.raises(CredentialMissing):
        await access().caller(None)


async def test_a_token_that_nobody_signed_is_refused() -> None:
    for alg in ("none", "None", "NONE", ""):
        await refused(f"{encoded({'alg': alg, 'typ': 'JWT'})}.{encoded(claims())}.")
        await refused(by_hand({"alg": alg}, claims(), SECRET))


async def test_a_public_key_is_no_secret_to_sign_with() -> None:
    public = private("one").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    by = TokenAccess(KeyOfOne(), ISSUER, AUDIENCE, Claims())  # type: ignore[arg-type]
    assert (await by.caller(jwt.encode(claims(), private("one"), algorithm="RS256"))).owner == "alice"
    await refused(by_hand({"alg": "HS256"}, claims(), public), by)
    await refused(by_hand({"alg": "RS256"}, claims(), public), by)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_the_algorithm_is_that_of_the_settings(algorithm: str) -> None:
    key = SECRET * 2
    by = TokenAccess(SharedSecret(key), ISSUER, AUDIENCE, Claims())
    assert await by.caller(token(key))
    await refused(token(key, algorithm), by)


async def test_another_secret_opens_nothing() -> None:
    await refused(token(SECRET[::-1]))


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "sub"])
async def test_a_token_that_lacks_a_claim_is_refused(name: str) -> None:
    await refused(token(**{name: None}))


@pytest.mark.parametrize(
    "fields",
    [
        {"iss": "https://other.example"},
        {"iss": ISSUER + "/"},
        {"aud": "other"},
        {"aud": ["other", "another"]},
        {"aud": {"gateway": 1}},
        {"exp": int(time.time() - TOKEN_LEEWAY - 60)},
        {"exp": "soon"},
        {"exp": -1},
        {"nbf": int(time.time() + 7 * 86400)},
        {"iat": int(time.time() + 7 * 86400)},
        {"nbf": "later"},
        {"sub": ""},
        {"sub": " alice"},
        {"sub": "alice\n"},
        {"sub": "a" * (MAX_NAME_CHARACTERS + 1)},
    ],
)
async def test_a_token_of_wrong_claims_is_refused(fields: dict[str, object]) -> None:
    await refused(token(**fields))


@pytest.mark.parametrize("owner", [5, ["alice"], {"a": 1}, True])
async def test_an_owner_that_is_no_text_is_refused(owner: object) -> None:
    await refused(token(tenant=owner), access(Claims(owner="tenant")))


async def test_numbers_that_no_clock_shows_are_refused() -> None:
    for raw in ("1e400", "NaN", "-Infinity", "[]"):
        payload = json.dumps(claims() | {"exp": 0}).replace('"exp": 0', f'"exp": {raw}')
        text = f"{encoded({'alg': 'HS256'})}.{base64.urlsafe_b64encode(payload.encode()).rstrip(b'=').decode()}"
        signature = hmac.digest(SECRET, text.encode(), hashlib.sha256)
        await refused(f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


async def test_clocks_may_differ_a_little() -> None:
    now = int(time.time())
    await access().caller(token(exp=now - 2, nbf=now + 2, iat=now + 2))


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": False}])
async def test_what_a_token_calls_critical_and_nobody_knows_is_refused(header: dict[str, object]) -> None:
    await refused(by_hand({"alg": "HS256"} | header, claims(), SECRET))


@pytest.mark.parametrize("header", [{"jku": "http://127.0.0.1:1/"}, {"x5u": "http://127.0.0.1:1/"}, {"kid": "../../x"}])
async def test_a_token_has_no_say_in_where_its_key_comes_from(header: dict[str, str]) -> None:
    assert (await access().caller(token(header=header))).owner == "alice"
    await refused(token(SECRET[::-1], header=header))


@pytest.mark.parametrize(
    "held",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é.é.é",
        "\0.\0.\0",
        "gw_0000000000000000_" + "a" * 43,
        f"{encoded([])}.{encoded({})}.",
        f"{encoded({'alg': 'HS256', 'kid': 5})}.{encoded({})}.AAAA",
        f"{encoded({'alg': ['HS256']})}.{encoded({})}.AAAA",
        base64.urlsafe_b64encode(b"[" * 6000).decode() + ".AA.AA",
    ],
)
async def test_what_is_no_token_is_refused(held: str) -> None:
    await refused(held)


async def test_a_token_is_as_long_as_it_may_be_and_no_longer() -> None:
    room = (MAX_TOKEN_CHARACTERS - len(token(pad=""))) * 3 // 4
    long = next(found for size in range(room, 0, -1) if len(found := token(pad="x" * size)) <= MAX_TOKEN_CHARACTERS)
    assert len(long) > MAX_TOKEN_CHARACTERS - 4
    assert await access().caller(long)
    await refused(token(pad="x" * (room + 8)))


@pytest.mark.parametrize(
    ("told", "scopes"),
    [
        ("run", {Scope.RUN}),
        ("  deploy   admin ", {Scope.DEPLOY, Scope.ADMIN}),
        (["read", 5, "wrong"], {Scope.READ}),
        ("RUN Read", set()),
        (5, set()),
        (None, set()),
        ({"run": True}, set()),
    ],
)
async def test_scopes_are_words_of_a_text_or_of_a_list(told: object, scopes: set[Scope]) -> None:
    assert (await access().caller(token(scope=told))).scopes == scopes


@pytest.mark.parametrize(
    ("told", "pipelines"),
    [
        (["ocr", "say"], {"ocr", "say"}),
        ("ocr say", {"ocr", "say"}),
        ("*", None),
        (None, set()),
        (5, set()),
        ("", set()),
    ],
)
async def test_where_a_claim_lists_pipelines_a_token_is_for_those(told: object, pipelines: set[str] | None) -> None:
    caller = await access(Claims(pipelines="uses")).caller(token(uses=told))
    assert caller.pipelines == pipelines


async def test_which_claims_are_read_is_for_the_operator_to_say() -> None:
    by = access(Claims(owner="tenant", scope="permissions"))
    caller = await by.caller(token(tenant="team", permissions=["read"]))
    assert (caller.owner, caller.scopes) == ("team", {Scope.READ})


async def test_a_good_token_is_checked_again_only_after_a_while_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, checked = [0.0], 0
    by = TokenAccess(SharedSecret(SECRET), ISSUER, AUDIENCE, Claims(), lambda: clock[0])
    decode = jwt.decode

    def counted(*given: Any, **named: Any) -> Any:
        nonlocal checked
        checked += 1
        return decode(*given, **named)

    monkeypatch.setattr(jwt, "decode", counted)
    held = token()
    for clock[0] in (0.0, TOKEN_FRESHNESS - 0.1, TOKEN_FRESHNESS):
        await by.caller(held)
    assert checked == 2
    # It has ended and is good within the leeway, so that it is checked each time.
    ended = token(exp=int(time.time()) - 1)
    await by.caller(ended)
    await by.caller(ended)
    assert checked == 4


async def test_tokens_are_remembered_in_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_KNOWN_TOKENS", 10)
    by = access()
    for number in range(30):
        await by.caller(token(jti=str(number)))
        await refused(token(SECRET[::-1], jti=str(number)), by)
    assert len(by._good) == 10
