import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.api.rest.app import rest_app
from gateway.api.rest.entry import Entry
from gateway.api.rest.safe_headers import safe_headers
from gateway.domain.access import Caller
from gateway.domain.rates import Rate
from gateway.errors import CredentialMissing
from unit.fakes import gateway

EVERY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
PAGE = "https://app.example.com"


@contextlib.asynccontextmanager
async def door(
    *, encrypted: bool = False, origins: tuple[str, ...] = (), key_rate: Rate | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    built = await gateway(key_rate=key_rate)
    entry = Entry(rest_app(built.services, origins), safe_headers(encrypted=encrypted, cors=bool(origins)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(entry), base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/metrics", "/docs", "/redoc", "/openapi.json", "/v1/pipelines", "/v1/runs/x", "/no"]
)
async def test_every_page_tells_a_browser_how_to_handle_it(path: str) -> None:
    async with door() as client:
        headers = (await client.get(path)).headers
    assert {name: headers.get(name) for name in EVERY} == EVERY
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("content-security-policy")) == 1


@pytest.mark.parametrize("encrypted", [False, True])
async def test_browsers_are_told_to_stay_with_tls_only_where_there_is_tls(*, encrypted: bool) -> None:
    async with door(encrypted=encrypted) as client:
        headers = (await client.get("/health")).headers
    assert ("strict-transport-security" in headers) is encrypted


async def test_pages_of_other_origins_may_not_call_unless_they_are_named() -> None:
    async with door() as client:
        answer = await client.get("/v1/pipelines", headers={"origin": PAGE})
        asked = await client.options(
            "/v1/pipelines/ocr/executeSync", headers={"origin": PAGE, "access-control-request-method": "POST"}
        )
    assert not [name for name in (*answer.headers, *asked.headers) if name.startswith("access-control")]


async def test_a_named_origin_may_call_with_a_key_and_read_the_headers_of_the_answer() -> None:
    async with door(origins=(PAGE,)) as client:
        asked = await client.options(
            "/v1/pipelines/ocr/executeSync",
            headers={
                "origin": PAGE,
                "access-control-request-method": "POST",
                "access-control-request-headers": "x-api-key, content-type",
            },
        )
        answer = await client.get("/v1/pipelines", headers={"origin": PAGE})
        other = await client.get("/v1/pipelines", headers={"origin": "https://evil.example.com"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert "x-api-key" in asked.headers["access-control-allow-headers"].lower()
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in other.headers


async def test_an_error_can_be_read_by_a_named_origin_too() -> None:
    async with door(origins=(PAGE,)) as client:
        answer = await client.get("/v1/runs/none", headers={"origin": PAGE})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_every_answer_tells_what_is_left_of_the_rate_and_the_one_past_it_when_to_come_again() -> None:
    async with door(key_rate=Rate(2, 3600)) as client:
        answers = [await client.get("/v1/pipelines") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert {each.headers["ratelimit-policy"] for each in answers} == {'"key";q=2;w=3600'}
    assert [each.headers["ratelimit"].split(";")[1] for each in answers] == ["r=1", "r=0", "r=0"]
    assert answers[2].json()["code"] == "rate.limited"
    assert int(answers[2].headers["retry-after"]) > 0
    assert "retry-after" not in answers[1].headers


async def test_health_is_never_counted_against_a_rate() -> None:
    async with door(key_rate=Rate(1, 3600)) as client:
        assert [(await client.get("/health")).status_code for _ in range(3)] == [200] * 3


class Closed:
    """An `Authenticator` that knows nobody."""

    asks = True

    async def caller(self, credential: str | None) -> Caller:  # noqa: ARG002
        raise CredentialMissing


async def test_a_browser_may_ask_what_it_may_send_before_it_has_shown_a_key() -> None:
    app = rest_app((await gateway(access=Closed())).services, (PAGE,))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        asked = await client.options("/v1/pipelines", headers={"origin": PAGE, "access-control-request-method": "GET"})
        answer = await client.get("/v1/pipelines", headers={"origin": PAGE})
        plain = await client.options("/v1/pipelines")
    assert asked.headers["access-control-allow-origin"] == PAGE
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, PAGE)
    assert plain.status_code == 401


async def test_whoever_may_come_in_may_ask_what_a_route_takes() -> None:
    async with door() as client:
        answer = await client.options("/v1/pipelines")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, OPTIONS")
