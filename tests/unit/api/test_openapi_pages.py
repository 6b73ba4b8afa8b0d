"""The pages of documentation: they are whole, and nothing of them comes from another host."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from importlib.resources import files

import httpx
import pytest

from gateway.api.rest.app import rest_app
from unit.fakes import gateway

PAGES = ("/docs", "/redoc")
OWN = ("swagger.js", "redoc_page.js")


class Names(HTMLParser):
    """Every address that a page names, and every script that stands in it."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_endtag(self, _: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.scripts.append(data)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(rest_app((await gateway()).services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def names(html: str) -> Names:
    found = Names()
    found.feed(html)
    return found


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_names_no_other_host_and_all_it_names_is_there(client: httpx.AsyncClient, page: str) -> None:
    response = await client.get(page)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"(?:https?:)?//\w", response.text) == []
    found = names(response.text)
    assert found.scripts == []
    assets = [each for each in found.addresses if each != "data:,"]
    assert assets
    for each in assets:
        assert (await client.get(f"/{each}")).status_code == 200, each


@pytest.mark.parametrize("page", [*PAGES, "/docs/assets/redoc.js"])
async def test_the_browser_itself_holds_a_page_to_this_host(client: httpx.AsyncClient, page: str) -> None:
    policy = (await client.get(page)).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    places = {place for sources in rules.values() for place in sources.split()}
    assert places <= {"'none'", "'self'", "'unsafe-inline'", "data:", "blob:"}
    assert rules["script-src"] == rules["connect-src"] == "'self'"


@pytest.mark.parametrize("name", OWN)
async def test_our_own_scripts_ask_this_host_alone(client: httpx.AsyncClient, name: str) -> None:
    text = (await client.get(f"/docs/assets/{name}")).text
    assert '"openapi.json"' in text
    assert "//" not in re.sub(r"^//.*$", "", text, flags=re.MULTILINE)


async def test_what_the_shipped_pages_would_tell_others_is_turned_off(client: httpx.AsyncClient) -> None:
    assert "disableTelemetry: true" in (await client.get("/docs/assets/redoc_page.js")).text
    assert "validatorUrl: null" in (await client.get("/docs/assets/swagger.js")).text
    # The words by which the installed versions take these wishes.
    assert "disableTelemetry" in (files("offapi") / "redoc.js").read_text()
    assert "validatorUrl" in (files("offapi") / "swagger_bundle.js").read_text()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("swagger_bundle.js", "text/javascript"), ("swagger_style.css", "text/css"), ("redoc.js", "text/javascript")],
)
async def test_assets_come_from_the_package_with_their_type(client: httpx.AsyncClient, name: str, kind: str) -> None:
    response = await client.get(f"/docs/assets/{name}")
    assert response.content == (files("offapi") / name).read_bytes()
    assert response.headers["content-type"].startswith(kind)


@pytest.mark.parametrize("name", ["never-was.js", "%2e%2e%2fdocs.py", "__init__.py", "url.json"])
async def test_nothing_else_of_the_disk_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/assets/{name}")).status_code == 404


async def test_the_document_is_served_in_both_forms(client: httpx.AsyncClient) -> None:
    as_json = await client.get("/openapi.json")
    as_yaml = await client.get("/openapi.yaml")
    assert as_json.headers["content-type"] == "application/json"
    assert as_json.json()["openapi"].startswith("3.1")
    assert as_yaml.headers["content-type"].startswith("application/yaml")
    assert as_yaml.text.startswith("openapi: 3.1")
