import json
import re
from typing import Any

import pytest

from gateway.adapters.jsonata import engine
from gateway.core.label_json import label_json
from gateway.errors import InvalidRequest
from places import ROOT

DOCS = (ROOT / "docs" / "transforms.md").read_text()
EXAMPLES = re.findall(r"<!-- example: (\w+) -->\n```json\n(.*?)```\n```json\n(.*?)```", DOCS, re.DOTALL)
TRANSFORMS = dict(re.findall(r"<!-- transform: (\w+) -->\n```\n(.*?)\n```", DOCS, re.DOTALL))
RECEIPT = (ROOT / "tests" / "unit" / "observations" / "receipt.json").read_bytes()


def of_contents(*contents: dict[str, Any]) -> Any:
    return json.loads(label_json(json.dumps({"executionId": "e", "mediaContents": contents}).encode()))


def of_documents(*documents: dict[str, Any]) -> Any:
    return of_contents({"documentPages": [{"page": n, "document": each} for n, each in enumerate(documents, 1)]})


def entity(label: str | None = None, text: str | None = None, **data: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"block": {"text": text}} if text is not None else {}
    return found | ({"label": label} if label is not None else {}) | ({"data": data} if data else {})


@pytest.mark.parametrize(("document", "made"), [each[1:] for each in EXAMPLES], ids=[each[0] for each in EXAMPLES])
def test_the_examples_of_the_documentation_are_true(document: str, made: str) -> None:
    assert of_documents(json.loads(document)) == json.loads(made)


def test_the_documentation_has_an_example_for_each_rule() -> None:
    assert [name for name, _, _ in EXAMPLES] == ["entities", "repeats", "sets", "tables"]
    assert set(TRANSFORMS) == {"lines", "doubtful", "total"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("total", 16.2),
        (
            "doubtful",
            [
                {"text": "2 Espresso", "confidence": 0.9639},
                {"text": "1 Apple cake", "confidence": 0.9779},
                {"text": "Receipt 004711", "confidence": 0.9727},
            ],
        ),
        ("lines", json.loads(RECEIPT)["mediaContents"][0]["rawText"]),
    ],
)
def test_the_transforms_of_the_documentation_work_on_a_receipt_that_was_read(name: str, expected: Any) -> None:
    made = engine.evaluate(TRANSFORMS[name], RECEIPT.decode())
    assert made is not None
    assert json.loads(made) == expected


@pytest.mark.parametrize(
    "observation", [b'{"executionId":"e","mediaContents":[],"documents":[]}', b"{}", b"[]", RECEIPT]
)
def test_nothing_labelled_makes_an_empty_object(observation: bytes) -> None:
    assert label_json(observation) == b"{}"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"textValue": "Kiel"}, "Kiel"),
        ({"numberValue": 0}, 0),
        ({"quantityValue": 12, "unitValue": "kg"}, 12),
        ({"unitValue": "kg"}, "kg"),
        ({"dateValue": "2025-05-16", "textValue": "16 May"}, "2025-05-16"),
        ({"textValue": "ACME Gmbh", "textData": "ACME GmbH"}, "ACME GmbH"),
        ({"numberData": 3, "documentId": "d", "score": 0.5}, 3),
        ({"textValue": None}, "as read"),
        ({"documentId": "d"}, "as read"),
    ],
)
def test_a_value_is_what_was_linked_else_parsed_else_read(data: dict[str, Any], value: Any) -> None:
    assert of_documents({"entities": [entity("key", "as read", **data)]}) == {"key": value}


def test_a_label_without_any_value_is_null() -> None:
    assert of_documents({"entities": [entity("key"), entity("blank", "  ")]}) == {"key": None, "blank": None}


def test_repeats_over_pages_media_and_runs_make_an_array_in_order() -> None:
    pages = [{"document": {"entities": [entity("n", text)]}} for text in "abc"]
    assert of_contents({"documentPages": pages[:2]}, {"documentPages": pages[2:]}) == {"n": ["a", "b", "c"]}


def test_the_class_of_a_media_is_its_name_under_label() -> None:
    sorts: list[dict[str, Any]] = [
        {"label": {"index": 1, "name": name, "confidence": 0.5}} for name in ("tug", "ferry")
    ]
    assert of_contents(sorts[0]) == {"label": "tug"}
    assert of_contents(*sorts) == {"label": ["tug", "ferry"]}


def test_a_named_set_is_an_object_and_an_unnamed_one_gives_its_pairs_away() -> None:
    pairs = [
        {"key": entity("a"), "entityValue": entity(None, "1")},
        {"key": entity(None, " b "), "entityValue": entity()},
    ]
    inside = {"a": "1", "b": None}
    assert of_documents({"keyValueSet": {"pairs": pairs}}) == inside
    assert of_documents({"keyValueSet": {"tag": "box", "pairs": pairs}}) == {"box": inside}
    assert of_documents({"keyValueSet": {"tag": "box", "entity": entity("form"), "pairs": pairs}}) == {"form": inside}


def test_sets_and_tables_nest_to_any_depth() -> None:
    table = {"rows": [{"pairs": [{"key": entity("x"), "entityValue": entity(None, None, numberValue=1)}]}]}
    inner = {"pairs": [{"key": entity("table"), "tableValue": table}, {"tag": "t", "entityValue": entity(None, "2")}]}
    outer = {"pairs": [{"key": entity("inner"), "keyValueSetValue": inner}]}
    assert of_documents({"keyValueSet": outer}) == {"inner": {"table": [{"x": 1}], "t": "2"}}
    rows = [{"pairs": [{"key": entity("set"), "keyValueSetValue": inner}]}]
    assert of_documents({"tables": [{"tag": "rows", "rows": rows}]}) == {
        "rows": [{"set": {"table": [{"x": 1}], "t": "2"}}]
    }


def test_a_table_without_a_name_stands_under_table() -> None:
    row = {"pairs": [{"key": entity("x"), "entityValue": entity(None, "1")}]}
    assert of_documents({"tables": [{"rows": [row, row]}]}) == {"table": [{"x": "1"}, {"x": "1"}]}
    assert of_documents({"tables": [{"rows": [row]}, {"rows": []}]}) == {"table": [[{"x": "1"}], []]}


def test_a_code_is_its_entitys_value_else_its_payload() -> None:
    codes = [
        {"entity": entity("ean"), "payload": "4006381333931"},
        {"entity": entity("qr", "seen"), "payload": "https"},
        {"entity": entity(), "payload": "unlabelled"},
    ]
    assert of_contents({"codes": codes}) == {"ean": "4006381333931", "qr": "seen"}


@pytest.mark.parametrize("wrong", [None, 1, "x", [], {}, [None, 1, "x", []]])
def test_what_a_model_wrote_in_another_shape_is_passed_over(wrong: Any) -> None:
    assert of_contents({"documentPages": wrong, "codes": wrong, "label": wrong}) == {}
    assert of_documents({"entities": wrong, "tables": wrong, "keyValueSet": wrong}) == {}
    assert of_documents({"entities": [{"label": wrong, "block": wrong, "data": wrong}]}) in ({}, {"x": None})
    assert of_documents({"tables": [{"rows": wrong, "headers": wrong}]}) == {"table": []}


def test_numbers_and_letters_come_through_as_they_are() -> None:
    entities = [entity("n", None, numberValue=12345678901234567890123), entity("größe", "😀")]
    assert of_documents({"entities": entities}) == {"n": 12345678901234567890123, "größe": "😀"}


@pytest.mark.parametrize("content", [b"[" * 100_000 + b"]" * 100_000, b"1e999", b'"\\ud800"'])
def test_what_cannot_be_followed_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest):
        label_json(b'{"mediaContents":[{"json":' + content + b"}]}")


@pytest.mark.parametrize("depth", [100, 20_000])
def test_sets_nest_a_hundred_deep_and_are_refused_where_nobody_can_follow(depth: int) -> None:
    nested = b'{"pairs":[{"key":{"label":"k"},"keyValueSetValue":' * depth + b"{}" + b"}]}" * depth
    observation = b'{"mediaContents":[{"documentPages":[{"document":{"keyValueSet":' + nested + b"}}]}]}"
    if depth == 100:
        assert label_json(observation).count(b"k") == 100
    else:
        with pytest.raises(InvalidRequest):
            label_json(observation)
