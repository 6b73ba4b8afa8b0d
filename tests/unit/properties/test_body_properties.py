"""Bodies: whatever is sent, it is a call, or a refusal in our own words that repeats nothing of it."""

import json
from typing import Any

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.api.rest.executions import ExecutionBody
from gateway.domain.calls import Form
from gateway.errors import GatewayError, InvalidRequest, shown_name
from gateway.wire.calls import ExecuteBody, asked
from gateway.wire.hooks import HookBody, hook_of
from gateway.wire.json import decode
from gateway.wire.observations import ObservationBody, given_entries
from gateway.wire.problem import Problem, problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
#: What is never to be seen in a refusal: no field of ours is called so.
MARK = "zq7Unseen"


def fields(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    return struct.__struct_encode_fields__


def bodies(*structs: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have some of the fields that there are, with any values."""
    names = sorted({name for each in structs for name in fields(each)})
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=10), JSON | PLAUSIBLE, max_size=6)


#: Values that are right for one field or another.
PLAUSIBLE = st.sampled_from(
    [["QUJD"], ["data:;base64,QUJD"], "scan-17", {"a": 1}, {"mediaContents": [{"id": "a"}]}, "continue", "high", 0.5,
     "2026-11-21T09:06:00Z", "0001-01-01T00:00:00-23:59", "9999-12-31T23:59:59+23:59", 1e308, -1, 2**63, "whsec_QUJD",
     "https://receiver.example/", [], {}, "", "\0"],
)  # fmt: skip


def refusal(body: bytes, form: Form) -> GatewayError | None:
    try:
        asked("ocr", body, 30.0, form)
    except GatewayError as refused:
        return refused
    return None


@given(bodies(ExecuteBody).map(json.dumps).map(str.encode) | st.binary(max_size=60), st.sampled_from(Form))
@example(b'{"executeAfter":"0001-01-01T00:00:00+14:00"}', Form.ACCEPTED)
@example(b'{"media":["\\ud800"]}', Form.JSON)
@example(b'{"inputs":{"a":' + b"[" * 950 + b"]" * 950 + b"}}", Form.JSON)
@example(b'{"inputs":' + b"[" * 5000 + b"]" * 5000 + b"}", Form.JSON)
@example(b'{"observation":' + b"[" * 5000 + b"]" * 5000 + b"}", Form.JSON)
@example(b'{"metaData":{"a":"\xff"}}', Form.JSON)
def test_a_body_asks_for_a_call_or_is_refused_as_the_caller_s_own_fault(body: bytes, form: Form) -> None:
    refused = refusal(body, form)
    assert refused is None or isinstance(refused, InvalidRequest)


@given(bodies(HookBody).map(json.dumps).map(str.encode) | st.binary(max_size=60))
def test_a_body_is_a_hook_or_is_refused(body: bytes) -> None:
    try:
        hook_of(body).check()
    except InvalidRequest as refused:
        assert refused.http in (400, 422)


@given(bodies(ObservationBody).map(json.dumps).map(str.encode) | JSON.map(json.dumps).map(str.encode) | st.binary())
def test_what_is_kept_of_an_observation_is_json_that_anybody_reads(body: bytes) -> None:
    try:
        entries = given_entries(body)
    except InvalidRequest:
        return
    for each in entries:
        assert isinstance(json.loads(each.content.decode()), dict)


@given(bodies(ExecutionBody).map(json.dumps).map(str.encode) | st.binary(max_size=60))
def test_the_body_of_an_execution_is_read_or_refused(body: bytes) -> None:
    try:
        decode(body, msgspec.json.Decoder(ExecutionBody))
    except InvalidRequest as refused:
        assert refused.http in (400, 422)


@given(
    st.sampled_from([(ExecuteBody, "execute"), (HookBody, "hook"), (ObservationBody, "observation")]),
    st.data(),
)
def test_no_refusal_repeats_a_value(kind: tuple[type[msgspec.Struct], str], drawn: st.DataObject) -> None:
    struct, name = kind
    marked = st.recursive(
        st.just(MARK), lambda inner: st.lists(inner, max_size=2) | st.fixed_dictionaries({"a": inner})
    )
    values = drawn.draw(st.dictionaries(st.sampled_from(fields(struct)), marked | PLAUSIBLE, min_size=1, max_size=6))
    body = json.dumps(values).encode()
    assume(MARK.encode() in body)
    try:
        {"execute": lambda: asked("ocr", body, 30.0), "hook": lambda: hook_of(body).check(),
         "observation": lambda: given_entries(body)}[name]()  # fmt: skip
    except GatewayError as refused:
        assert MARK.encode() not in problem(refused, "request")


@given(st.text(), st.text(max_size=80))
def test_a_problem_shows_a_field_s_name_only_where_it_is_plain_and_short(message: str, field: str) -> None:
    shown = msgspec.json.decode(problem(InvalidRequest(message or None, field=field), "r"), type=Problem)
    assert shown.field == shown_name(field)
    assert shown.field is None or (len(shown.field) <= 64 and shown.field.isascii())


@given(st.text(min_size=65, max_size=90), st.booleans())
def test_no_refusal_repeats_a_long_name(name: str, nested: bool) -> None:
    assume(name.isprintable())
    body = json.dumps({"runtimeParameters": {name: []}} if nested else {name: 1}, ensure_ascii=False).encode()
    refused = refusal(body, Form.JSON)
    assert refused is not None
    assert name not in problem(refused, "request").decode()
