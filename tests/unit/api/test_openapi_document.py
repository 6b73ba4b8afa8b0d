"""The OpenAPI document: valid, whole, usable by generators, and true to its own schemas."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator
from litestar import Litestar
from litestar.routes import HTTPRoute
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway import errors
from gateway.api.rest.app import rest_app
from gateway.api.rest.docs import as_json, as_yaml
from gateway.api.rest.openapi.document import OPERATIONS
from gateway.domain.ids import EXECUTION_ID
from gateway.wire import fields
from unit.fakes import gateway

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
#: What no caller is answered with: who has gone, and addresses that are none of an operation's.
UNSEEN = {"run.canceled", "route.not_found", "route.method_not_allowed"}


@pytest.fixture(scope="module")
async def app() -> Litestar:
    return rest_app((await gateway()).services)


@pytest.fixture(scope="module")
def document(app: Litestar) -> Json:
    found: Json = msgspec.json.decode(as_json(app))
    return found


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    return Draft202012Validator({"components": document["components"], **schema})


def resolved(document: Json, node: Json) -> Json:
    if "$ref" not in node:
        return node
    found = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def subclasses(root: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    yield root
    for each in root.__subclasses__():
        if each.__module__.startswith(errors.__name__):
            yield from subclasses(each)


def test_it_is_valid_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_yaml_says_the_same_as_json(app: Litestar, document: Json) -> None:
    assert yaml.safe_load(as_yaml(app)) == document


def test_it_is_built_once(app: Litestar) -> None:
    assert as_json(app) is as_json(app)
    assert as_yaml(app) is as_yaml(app)


def test_every_route_is_in_it_and_the_other_way_round(app: Litestar, document: Json) -> None:
    routes, left_out = set(), set()
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS":
                continue
            if handler.include_in_schema is False:
                left_out.add(route.path_format)
            else:
                routes.add((re.sub(r"\{.*?\}", "{}", route.path_format), method.lower(), handler.operation_id))
    told = {
        (re.sub(r"\{.*?\}", "{}", path), method, each["operationId"]) for path, method, each in operations(document)
    }
    assert told == routes
    assert left_out == {"/openapi.json", "/openapi.yaml", "/docs", "/redoc", "/docs/assets/{name}"}


def test_operation_ids_are_unique_and_names_in_any_language(document: Json) -> None:
    names = [each["operationId"] for _, _, each in operations(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]*", name) for name in names)
    assert set(names) == set(OPERATIONS)


def test_each_operation_has_a_known_tag_and_words(document: Json) -> None:
    tags = {each["name"] for each in document["tags"]}
    for _, _, each in operations(document):
        assert set(each["tags"]) <= tags
        assert each["summary"]
        assert each["description"]


def test_the_parameters_of_a_path_are_those_in_it(document: Json) -> None:
    for path, _, each in operations(document):
        told = {one["name"] for one in each["parameters"] if one.get("in") == "path"}
        assert told == set(re.findall(r"\{(.*?)\}", path))


def test_parameters_have_their_limits_and_words(document: Json) -> None:
    by_name = {
        each["name"]: each for each in document["paths"]["/v1/executions"]["get"]["parameters"] if "name" in each
    }
    assert by_name["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert "QUEUED" in by_name["status"]["schema"]["enum"]
    for _, _, each in operations(document):
        assert all(resolved(document, one)["description"] for one in each["parameters"])


def test_every_field_has_words(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        missing = [field for field, each in schema.get("properties", {}).items() if not each.get("description")]
        assert missing == [], name


def test_no_words_are_left_over(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for name, words in fields.OF.items():
        assert set(words) <= set(schemas[name.removesuffix("View")]["properties"]), name
    everywhere = {field for schema in schemas.values() for field in schema.get("properties", {})}
    assert set(fields.EVERYWHERE) <= everywhere


def test_every_object_comes_from_a_struct_that_is_listed(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema["title"] == name
        assert "anyOf" not in schema


def test_what_is_taken_is_closed_and_what_is_given_is_not_null(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["ExecuteBody"]["additionalProperties"] is False
    assert schemas["ExecuteBody"]["properties"]["media"]["type"] == ["array", "null"]
    assert schemas["Execution"]["properties"]["tag"]["type"] == "string"
    assert schemas["Execution"]["required"] == ["executionId", "createdAt"]
    assert "optional" in schemas["Input"]["required"]


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "x" * 128, "x" * 129, "", "a/b", "ä", "a b"])
def test_the_form_of_an_execution_id_is_that_of_the_domain(name: str) -> None:
    assert bool(re.search(fields.EXECUTION_ID, name)) == bool(EXECUTION_ID.fullmatch(name))


def test_every_code_of_a_refusal_is_told_somewhere(document: Json) -> None:
    told = {
        code
        for _, _, each in operations(document)
        for response in each["responses"].values()
        for code in response.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    assert told == {each.code for each in subclasses(errors.GatewayError)} - UNSEEN
    assert told == set(document["components"]["examples"])


def test_refusals_stand_under_their_own_status(document: Json) -> None:
    status = {each.code: str(each.http) for each in subclasses(errors.GatewayError)}
    for _, _, each in operations(document):
        for told, response in each["responses"].items():
            content = response.get("content", {}).get("application/problem+json", {})
            assert all(status[code] == told for code in content.get("examples", {}))


def test_what_may_be_tried_again_says_when(document: Json) -> None:
    responses = document["paths"]["/v1/pipelines/{pipelineId}/executeSync"]["post"]["responses"]
    assert "Retry-After" in responses["429"]["headers"]
    assert "Retry-After" in responses["503"]["headers"]
    assert set(responses["200"]["headers"]) == {"X-Execution-Id", "X-Run-Id", "X-Request-Id", "Idempotency-Replayed"}


def test_every_example_fits_its_schema(document: Json) -> None:
    count = 0
    for _, _, each in operations(document):
        for body in (each.get("requestBody", {}), *each["responses"].values()):
            for content in body.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    validator(document, content["schema"]).validate(resolved(document, example)["value"])
                    count += 1
    assert count > 100


def test_every_json_body_and_answer_has_an_example(document: Json) -> None:
    for _, _, each in operations(document):
        for body in (each.get("requestBody", {}), *each["responses"].values()):
            for kind, content in body.get("content", {}).items():
                if kind in ("application/json", "text/plain"):
                    assert content["examples"], each["operationId"]


def test_a_body_that_the_gateway_refuses_does_not_fit_either(document: Json) -> None:
    body = validator(document, {"$ref": "#/components/schemas/ExecuteBody"})
    for wrong in (
        {"nothing": 1},
        {"media": "QUJD"},
        {"timeout": 0},
        {"timeout": 601},
        {"tag": "x" * 257},
        {"executionId": "a/b"},
        {"runtimeParameters": {"a": []}},
        {"observation": {"documents": [1]}},
    ):
        assert not body.is_valid(wrong), wrong
    assert body.is_valid({"media": None, "observation": None})
