"""Every address says which methods it takes: to OPTIONS, and to a method that it does not take."""

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.api.rest.app import rest_app
from gateway.api.rest.methods import allowed
from unit.fakes import gateway


@pytest.fixture(scope="module")
async def app() -> Litestar:
    return rest_app((await gateway()).services)


def client(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


def routes(app: Litestar) -> list[tuple[str, set[str]]]:
    found = [each for each in app.routes if isinstance(each, HTTPRoute)]
    return [(each.path_format.replace("{", "").replace("}", ""), set(each.route_handler_map)) for each in found]


def listed(response: httpx.Response) -> set[str]:
    return set(response.headers["allow"].split(", "))


async def test_every_address_answers_options_with_all_its_methods(app: Litestar) -> None:
    async with client(app) as door:
        for path, methods in routes(app):
            response = await door.options(path)
            assert (response.status_code, listed(response)) == (204, methods), path


async def test_a_method_that_an_address_does_not_take_is_refused_with_those_it_takes(app: Litestar) -> None:
    async with client(app) as door:
        for path, methods in routes(app):
            response = await door.request("TRACE", path)
            assert (response.status_code, response.json()["code"]) == (405, "route.method_not_allowed")
            assert listed(response) == methods, path


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/executions", "GET, OPTIONS, POST"),
        ("/v1/executions/", "GET, OPTIONS, POST"),
        ("/v1/hooks/a.b", "DELETE, GET, OPTIONS, PUT"),
        ("/v1/hooksXa", "OPTIONS"),
    ],
)
def test_an_address_is_known_by_its_form(app: Litestar, path: str, methods: str) -> None:
    assert allowed(app, path) == methods
