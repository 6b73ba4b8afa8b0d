"""The plain JSON form of observations: an object for every observation there can be, and nothing but a refusal else."""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.label_json import label_json
from gateway.errors import InvalidRequest

SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
#: The names that mean something in an observation.
NAMES = st.sampled_from(
    ["mediaContents", "label", "name", "documentPages", "document", "entities", "keyValueSet", "pairs", "key", "tag",
     "block", "text", "entityValue", "tableValue", "keyValueSetValue", "tables", "headers", "rows", "data", "codes",
     "payload", "entity", "textData", "numberValue", "dateData"],
)  # fmt: skip
FOUND = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=25
)


def obj(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=fields)


TEXT = obj(text=st.text(max_size=6) | SCALAR)
ENTITY = obj(label=st.text(max_size=6) | SCALAR, block=TEXT, data=obj(textData=FOUND, numberValue=FOUND))
PAIR = st.recursive(
    obj(key=ENTITY, tag=SCALAR, entityValue=ENTITY),
    lambda inner: obj(
        key=ENTITY,
        keyValueSetValue=obj(entity=ENTITY, pairs=st.lists(inner, max_size=3)),
        tableValue=obj(headers=st.lists(ENTITY, max_size=2), rows=st.lists(obj(pairs=st.lists(inner, max_size=2)))),
    ),
    max_leaves=6,
)
#: What looks like an observation, and is wrong here and there.
CONTENTS = obj(
    label=obj(name=SCALAR),
    documentPages=st.lists(obj(document=obj(entities=st.lists(ENTITY, max_size=3), keyValueSet=PAIR)), max_size=2),
    codes=st.lists(obj(entity=ENTITY, payload=FOUND), max_size=2),
)
OBSERVATIONS = FOUND | obj(mediaContents=st.lists(CONTENTS, max_size=3) | FOUND)


@given(OBSERVATIONS)
def test_every_observation_has_a_plain_form(observation: object) -> None:
    found = json.loads(label_json(msgspec.json.encode(observation)))
    assert isinstance(found, dict)
    assert all(found)


@given(st.lists(CONTENTS, max_size=3))
def test_the_plain_form_of_contents_loses_no_label(contents: list[dict[str, object]]) -> None:
    found = json.loads(label_json(msgspec.json.encode({"mediaContents": contents})))
    names = [each.get("label") for each in contents]
    wanted = [each["name"].strip() for each in names if isinstance(each, dict) and isinstance(each.get("name"), str)]
    told = found.get("label", [])
    assert set(filter(None, wanted)) <= set(told if isinstance(told, list) else [told])


@given(st.binary(max_size=80))
@example(b"[" * 100_000)
@example(b'{"mediaContents":[{"codes":[{"payload":1e999}]}]}')
@example(b'{"mediaContents":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
def test_other_bytes_are_refused(raw: bytes) -> None:
    try:
        assert json.loads(label_json(raw)) is not None
    except InvalidRequest as refused:
        assert refused.http == 422


@pytest.mark.parametrize("depth", [10, 100, 500, 5_000])
def test_sets_within_sets_are_followed_or_refused(depth: int) -> None:
    pair = b'{"key":{"label":"a"},"keyValueSetValue":{"pairs":['
    raw = b'{"mediaContents":[{"documentPages":[{"document":{"keyValueSet":{"pairs":[%b%b]}}}]}]}'
    try:
        assert json.loads(label_json(raw % (pair * depth, b"]}}" * depth))) is not None
    except InvalidRequest:
        assert depth > 100
