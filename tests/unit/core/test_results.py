import struct

import msgspec
import pytest

from gateway.core.results import content
from gateway.domain.observations import RESERVED
from gateway.domain.pipelines import Output, OutputRole, Pipeline
from gateway.domain.tensors import Value
from gateway.errors import TritonFailed, WiringInvalid
from gateway.limits import MAX_ENTRY_BYTES, MAX_JSON_DEPTH
from unit.fakes import pipeline, text

NUMBER = Value("SCORE", "FP32", (1, 2), (struct.pack("<2f", 0.5, -1.0),))
NUMBER_PLAIN = {"datatype": "FP32", "shape": [1, 2], "data": [0.5, -1.0]}


def declaring(**roles: OutputRole) -> Pipeline:
    return pipeline(outputs=tuple(Output(name, "BYTES", (1,), role) for name, role in roles.items()))


def plain(found: bytes) -> object:
    return msgspec.json.decode(found)


@pytest.mark.parametrize("role", [OutputRole.OBSERVATION, OutputRole.AUTO])
@pytest.mark.parametrize(
    "raw", [b'{"rawText":"a"}', b' {\n "codes" : [ 1.0e5 ] , "codes":[]\t}\n', '{"label":{"name":"größe"}}'.encode()]
)
def test_an_only_observation_is_returned_as_it_came(role: OutputRole, raw: bytes) -> None:
    assert content(declaring(OUT=role), [text("OUT", raw)]) == raw


def test_a_declared_observation_needs_no_word_of_the_vocabulary() -> None:
    assert content(declaring(OUT=OutputRole.OBSERVATION), [text("OUT", b'{"mine": 1}')]) == b'{"mine": 1}'


@pytest.mark.parametrize("raw", [b"[1]", b"1", b"null", b"words", b"", b'{"a":', b'{"a":1}{"b":2}', b"\xff"])
def test_a_declared_observation_that_is_not_one_object_is_wired_wrong(raw: bytes) -> None:
    with pytest.raises(WiringInvalid, match="not one JSON object") as refused:
        content(declaring(OUT=OutputRole.OBSERVATION), [text("OUT", raw)])
    assert refused.value.field == "OUT"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_declared_observation_with_a_field_of_the_gateways_own_is_wired_wrong(name: str) -> None:
    with pytest.raises(WiringInvalid, match="gateway's own"):
        content(declaring(OUT=OutputRole.OBSERVATION), [text("OUT", b'{"rawText":"a","%b":1}' % name.encode())])


def test_a_field_of_the_gateways_own_is_found_behind_escapes_too() -> None:
    with pytest.raises(WiringInvalid):
        content(declaring(OUT=OutputRole.OBSERVATION), [text("OUT", rb'{"\u0069d":1}')])


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"mine":1}', {"json": {"mine": 1}}),
        (b'{"rawText":"a","id":1}', {"json": {"rawText": "a", "id": 1}}),
        (b"[1, 2]", {"json": [1, 2]}),
        (b"12", {"json": 12}),
        (b"null", {"json": None}),
        (b'"quoted"', {"json": "quoted"}),
        (b"two words", {"rawText": "two words"}),
        (b"", {"rawText": ""}),
        (b"\xffa", {"rawText": "�a"}),
    ],
)
def test_without_a_role_what_comes_decides(raw: bytes, found: object) -> None:
    assert plain(content(declaring(OUT=OutputRole.AUTO), [text("OUT", raw)])) == found


def test_an_output_that_the_config_does_not_name_is_decided_by_what_comes() -> None:
    assert plain(content(declaring(OTHER=OutputRole.TENSOR), [text("OUT", b"words")])) == {"rawText": "words"}


@pytest.mark.parametrize(
    ("role", "raw", "found"),
    [
        (OutputRole.JSON, b'{"rawText": "a"}', {"json": {"rawText": "a"}}),
        (OutputRole.TEXT, b'{"rawText": "a"}', {"rawText": '{"rawText": "a"}'}),
        (OutputRole.LABEL, b"invoice", {"label": {"name": "invoice"}}),
        (OutputRole.LABEL, b'{"name":"invoice","score":0.5}', {"label": {"name": "invoice", "score": 0.5}}),
        (OutputRole.TENSOR, b"a", {"outputs": {"OUT": {"datatype": "BYTES", "shape": [1], "data": ["a"]}}}),
    ],
)
def test_a_declared_role_decides_whatever_comes(role: OutputRole, raw: bytes, found: object) -> None:
    assert plain(content(declaring(OUT=role), [text("OUT", raw)])) == found


def test_a_declared_json_that_is_none_is_wired_wrong() -> None:
    with pytest.raises(WiringInvalid, match="not JSON") as refused:
        content(declaring(OUT=OutputRole.JSON), [text("OUT", b"words")])
    assert refused.value.field == "OUT"


def test_numbers_are_tensors_under_their_name() -> None:
    assert plain(content(declaring(), [NUMBER])) == {"outputs": {"SCORE": NUMBER_PLAIN}}


def test_numbers_that_are_none_become_null() -> None:
    infinite = Value("X", "FP64", (2,), (struct.pack("<2d", float("nan"), float("inf")),))
    assert plain(content(declaring(), [infinite])) == {
        "outputs": {"X": {"datatype": "FP64", "shape": [2], "data": [None, None]}}
    }


def test_several_texts_in_one_output_are_a_tensor() -> None:
    found = content(declaring(OUT=OutputRole.AUTO), [text("OUT", b"a", b"b")])
    assert plain(found) == {"outputs": {"OUT": {"datatype": "BYTES", "shape": [2], "data": ["a", "b"]}}}


def test_one_json_stands_alone_and_several_by_name() -> None:
    both = declaring(A=OutputRole.JSON, B=OutputRole.JSON)
    assert plain(content(both, [text("A", b"[1]")])) == {"json": [1]}
    assert plain(content(both, [text("A", b"[1]"), text("B", b'{"x":2}')])) == {"json": {"A": [1], "B": {"x": 2}}}


def test_json_keeps_its_digits() -> None:
    found = content(declaring(A=OutputRole.JSON), [text("A", b"12345678901234567890.10")])
    assert found == b'{"json":12345678901234567890.10}'


def test_the_second_text_goes_to_the_tensors() -> None:
    both = declaring(A=OutputRole.TEXT, B=OutputRole.TEXT)
    assert plain(content(both, [text("A", b"a"), text("B", b"b")])) == {
        "rawText": "a",
        "outputs": {"B": {"datatype": "BYTES", "shape": [1], "data": ["b"]}},
    }


def test_an_observation_and_numbers_make_one_entry() -> None:
    found = content(declaring(OUT=OutputRole.AUTO), [text("OUT", b'{"rawText": "a", "x":1e2}'), NUMBER])
    assert plain(found) == {"rawText": "a", "x": 100, "outputs": {"SCORE": NUMBER_PLAIN}}
    assert b'"x":1e2' in found


def test_a_text_beside_an_observation_with_a_text_goes_to_the_tensors() -> None:
    roles = declaring(OUT=OutputRole.AUTO, TEXT=OutputRole.TEXT)
    found = content(roles, [text("OUT", b'{"rawText":"a"}'), text("TEXT", b"b")])
    assert plain(found) == {
        "rawText": "a",
        "outputs": {"TEXT": {"datatype": "BYTES", "shape": [1], "data": ["b"]}},
    }


def test_two_observations_without_a_common_field_are_one() -> None:
    roles = declaring(A=OutputRole.OBSERVATION, B=OutputRole.AUTO)
    found = content(roles, [text("A", b'{"rawText":"a"}'), text("B", b'{"codes":[1]}')])
    assert plain(found) == {"rawText": "a", "codes": [1]}


def test_an_observation_that_conflicts_with_another_is_kept_as_json() -> None:
    roles = declaring(A=OutputRole.AUTO, B=OutputRole.AUTO)
    found = content(roles, [text("A", b'{"rawText":"a"}'), text("B", b'{"rawText":"b"}')])
    assert plain(found) == {"rawText": "a", "json": {"rawText": "b"}}


def test_texts_that_are_cut_off_are_a_failure_of_triton() -> None:
    with pytest.raises(TritonFailed, match="cut off"):
        content(declaring(), [Value("OUT", "BYTES", (1,), (b"\x05\x00\x00\x00a",))])


@pytest.mark.parametrize("raw", [b'{"rawText":"\xff"}', b'{"documentPages":"\xc3("}'])
def test_what_is_not_utf8_is_no_observation(raw: bytes) -> None:
    with pytest.raises(WiringInvalid):
        content(declaring(O=OutputRole.OBSERVATION), [text("O", raw)])
    shown = content(declaring(O=OutputRole.AUTO), [text("O", raw)])
    assert "\N{REPLACEMENT CHARACTER}" in msgspec.json.decode(shown)["rawText"]


def test_json_that_is_nested_without_end_is_text() -> None:
    shown = content(declaring(O=OutputRole.AUTO), [text("O", b"[" * 5000)])
    assert msgspec.json.decode(shown)["rawText"] == "[" * 5000


def test_no_output_at_all_is_wired_wrong() -> None:
    with pytest.raises(WiringInvalid):
        content(declaring(O=OutputRole.AUTO), [])


def test_an_observation_whose_field_another_output_needs_is_wired_wrong() -> None:
    numbers = Value("N", "INT8", (1,), (b"\x01",))
    with pytest.raises(WiringInvalid):
        content(declaring(O=OutputRole.AUTO, N=OutputRole.TENSOR), [text("O", b'{"rawText":"","outputs":{}}'), numbers])


@pytest.mark.parametrize("role", [OutputRole.OBSERVATION, OutputRole.JSON, OutputRole.TEXT, OutputRole.LABEL])
def test_a_declared_role_that_is_given_numbers_is_wired_wrong(role: OutputRole) -> None:
    with pytest.raises(WiringInvalid):
        content(declaring(N=role), [Value("N", "INT8", (1,), (b"\x01",))])


def test_two_declared_observations_with_a_common_field_are_wired_wrong() -> None:
    with pytest.raises(WiringInvalid):
        content(
            declaring(A=OutputRole.OBSERVATION, B=OutputRole.OBSERVATION),
            [text("A", b'{"rawText":"a"}'), text("B", b'{"rawText":"b"}')],
        )


def test_a_tensor_of_more_elements_than_an_entry_takes_is_not_written_out() -> None:
    elements = MAX_ENTRY_BYTES // 2 + 1
    with pytest.raises(WiringInvalid, match="more than") as refused:
        content(pipeline(), [Value("MASK", "UINT8", (elements,), (bytes(elements),))])
    assert refused.value.field == "MASK"


@pytest.mark.parametrize("role", [OutputRole.JSON, OutputRole.AUTO, OutputRole.OBSERVATION, OutputRole.LABEL])
@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH, 100_000])
def test_json_that_a_model_nests_too_deep_breaks_nothing(role: OutputRole, depth: int) -> None:
    raw = b'{"a":%b}' % (b"[" * depth + b"]" * depth)
    try:
        found = content(declaring(OUT=role), [text("OUT", raw)])
    except WiringInvalid:
        return
    # What nobody can follow is text.
    assert msgspec.json.decode(found)
