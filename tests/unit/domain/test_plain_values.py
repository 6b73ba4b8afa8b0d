"""Every role of an input with every wrong kind of value: refused before Triton, by field, and never echoed."""

import pytest

from gateway.domain.pipelines import Input, InputRole
from gateway.domain.plain_values import Plain, check_kind, flattened
from gateway.errors import InvalidInput

WHOLE = {
    "UINT8": (0, 2**8 - 1),
    "UINT16": (0, 2**16 - 1),
    "UINT32": (0, 2**32 - 1),
    "UINT64": (0, 2**64 - 1),
    "INT8": (-(2**7), 2**7 - 1),
    "INT16": (-(2**15), 2**15 - 1),
    "INT32": (-(2**31), 2**31 - 1),
    "INT64": (-(2**63), 2**63 - 1),
}
LARGEST = {"FP16": 65504.0, "BF16": 3.3895313892515355e38, "FP32": 3.4028234663852886e38, "FP64": 1.7e308}
TEXT = Input("X", "BYTES", (1,), InputRole.TEXT)
FLAG = Input("X", "BOOL", (1,), InputRole.BOOLEAN)
WORDS = Input("X", "BYTES", (1,), InputRole.NUMBER)
SECRET = "s3cret"


def number(datatype: str) -> Input:
    return Input("X", datatype, (1,), InputRole.NUMBER)


def refusal(entry: Input, given: object) -> str:
    with pytest.raises(InvalidInput) as refused:
        check_kind(entry, given)
    assert refused.value.field == "inputs.X"
    assert SECRET not in refused.value.message
    return refused.value.message


@pytest.mark.parametrize(
    ("entry", "given"),
    [
        (TEXT, ""),
        (TEXT, "größer \U0001f600"),
        (TEXT, ["a", "b"]),
        (TEXT, []),
        (FLAG, True),
        (FLAG, [[False], [True]]),
        (WORDS, 5),
        (WORDS, [0.5, 1]),
        *[(number(kind), value) for kind, both in WHOLE.items() for value in both],
        *[(number(kind), [each, -each, 0, 1]) for kind, each in LARGEST.items()],
        (number("INT32"), 7.0),
        (number("INT64"), 2.0**53),
    ],
)
def test_what_is_of_the_kind_of_its_input_goes_in(entry: Input, given: object) -> None:
    check_kind(entry, given)


NO_TEXT = [5, 0.5, True, None, {"a": SECRET}, [SECRET, 5], [SECRET, True], "\ud800", f"{SECRET}\udfff"]
NO_FLAG = ["true", SECRET, 0, 1, 1.0, None, {"a": SECRET}, [True, 1], [False, "false"]]
NO_NUMBER = [SECRET, "5", "NaN", True, False, None, {"a": SECRET}, [1, SECRET], [1, True], [0.5, False]]
NOT_FINITE = [float("nan"), float("inf"), float("-inf"), 10**400, [1.0, float("nan")]]


@pytest.mark.parametrize(
    ("entry", "given", "words"),
    [
        *[(TEXT, each, "text") for each in NO_TEXT],
        *[(FLAG, each, "true or false") for each in NO_FLAG],
        *[(WORDS, each, "numbers") for each in NO_NUMBER],
        *[(number("INT8"), each, "whole numbers from -128 to 127 (INT8)") for each in [*NO_NUMBER, *NOT_FINITE, 0.5]],
        *[(number("FP16"), each, "numbers from -65504 to 65504 (FP16)") for each in [*NO_NUMBER, *NOT_FINITE]],
        *[(number("FP64"), each, "numbers from") for each in [*NO_NUMBER, *NOT_FINITE]],
    ],
)
def test_what_is_of_another_kind_is_refused_in_words_of_what_is_taken(entry: Input, given: object, words: str) -> None:
    assert refusal(entry, given).startswith(f"The input takes {words}")


@pytest.mark.parametrize("datatype", WHOLE)
def test_a_whole_number_is_within_the_range_of_its_type(datatype: str) -> None:
    least, most = WHOLE[datatype]
    for past in (least - 1, most + 1, [least, most + 1], float(2 * most) * 2):
        assert refusal(number(datatype), past) == f"The input takes whole numbers from {least} to {most} ({datatype})."


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32"])
def test_a_number_with_a_fraction_is_within_the_range_of_its_type(datatype: str) -> None:
    for past in (LARGEST[datatype] * 1.0001, -LARGEST[datatype] * 1.0001, int(LARGEST[datatype] * 2)):
        assert f"({datatype})" in refusal(number(datatype), past)


def test_a_whole_number_that_a_double_cannot_hold_is_not_rounded_in_silence() -> None:
    refusal(number("INT64"), 2.0**53 + 2)
    check_kind(number("INT64"), 2**53 + 1)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 1), "The input takes text."),
        ((2,), "The input takes text, in arrays of shape [2]."),
        ((-1, 3), "The input takes text, in arrays of shape [-1, 3], -1 being any length."),
    ],
)
def test_a_refusal_says_which_shape_is_taken(shape: tuple[int, ...], words: str) -> None:
    assert refusal(Input("X", "BYTES", shape, InputRole.TEXT), 5) == words


def test_the_name_of_an_input_that_may_not_be_shown_is_not() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_kind(Input("not shown", "BYTES", (1,), InputRole.TEXT), 5)
    assert refused.value.field is None


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (5, Plain((), [5])),
        ([], Plain((0,), [])),
        ([[], []], Plain((2, 0), [])),
        ([[1, 2], [3, 4]], Plain((2, 2), [1, 2, 3, 4])),
        ([[["a"]]], Plain((1, 1, 1), ["a"])),
    ],
)
def test_arrays_are_taken_apart_in_row_major_order(given: object, plain: Plain) -> None:
    assert flattened(given, "inputs.X") == plain


def test_arrays_of_any_depth_are_taken_apart_without_recursion() -> None:
    deep: object = 1
    for _ in range(10_000):
        deep = [deep]
    assert flattened(deep, "inputs.X").elements == [1]


@pytest.mark.parametrize("given", [[1, [2]], [[1], [2, 3]], [[1], {}], [[[1]], [2]]])
def test_ragged_arrays_are_refused(given: object) -> None:
    with pytest.raises(InvalidInput, match="same shape"):
        flattened(given, "inputs.X")
