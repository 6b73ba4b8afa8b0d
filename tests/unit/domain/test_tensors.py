import math
import struct

import pytest

from gateway.domain.tensors import PlainTensor, Scalar, Value, bytes_elements, frame, from_plain, to_plain
from gateway.errors import InvalidInput, TritonFailed

NUMBERS = [
    ("BOOL", [True, False, True], b"\x01\x00\x01"),
    ("UINT8", [0, 255, 7], b"\x00\xff\x07"),
    ("UINT16", [0, 65535], struct.pack("<2H", 0, 65535)),
    ("UINT32", [0, 2**32 - 1], struct.pack("<2I", 0, 2**32 - 1)),
    ("UINT64", [0, 2**64 - 1], struct.pack("<2Q", 0, 2**64 - 1)),
    ("INT8", [-128, 127], b"\x80\x7f"),
    ("INT16", [-32768, 32767], struct.pack("<2h", -32768, 32767)),
    ("INT32", [-(2**31), 2**31 - 1], struct.pack("<2i", -(2**31), 2**31 - 1)),
    ("INT64", [-(2**63), 2**63 - 1], struct.pack("<2q", -(2**63), 2**63 - 1)),
    ("FP16", [0.5, -2.0], struct.pack("<2e", 0.5, -2.0)),
    ("FP32", [0.5, -2.25], struct.pack("<2f", 0.5, -2.25)),
    ("FP64", [0.1, -1e300], struct.pack("<2d", 0.1, -1e300)),
]


@pytest.mark.parametrize(("datatype", "plain", "raw"), NUMBERS, ids=[each[0] for each in NUMBERS])
def test_every_number_type_goes_to_little_endian_bytes_and_back(datatype: str, plain: list[Scalar], raw: bytes) -> None:
    value = from_plain("X", datatype, (-1,), plain)
    assert value == Value("X", datatype, (len(plain),), (raw,))
    back = to_plain(value)
    assert back == PlainTensor(datatype, (len(plain),), plain)
    assert list(map(type, back.data)) == list(map(type, plain))


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["", "größer", "\U0001f600\n"], ["x" * 70_000]])
def test_texts_are_framed_by_their_length_and_come_back(texts: list[str]) -> None:
    value = from_plain("X", "BYTES", (-1,), list(texts))
    assert to_plain(value).data == texts
    assert value.size == sum(4 + len(text.encode()) for text in texts)


def test_a_frame_is_the_length_in_four_little_endian_bytes() -> None:
    assert frame(b"abc") == b"\x03\x00\x00\x00"


@pytest.mark.parametrize("raw", [b"\x01", b"\x01\x00\x00", b"\x02\x00\x00\x00a", b"\x01\x00\x00\x00ab\x00"])
def test_texts_that_are_cut_off_are_a_failure_of_triton(raw: bytes) -> None:
    with pytest.raises(TritonFailed, match="cut off"):
        list(bytes_elements(raw))


def test_elements_are_read_from_a_memoryview_too() -> None:
    assert list(bytes_elements(memoryview(b"\x01\x00\x00\x00a\x00\x00\x00\x00"))) == [b"a", b""]


def test_bytes_that_are_no_text_are_shown_with_replacement_characters() -> None:
    assert to_plain(Value("X", "BYTES", (1,), (b"\x02\x00\x00\x00\xffa",))).data == ["�a"]


@pytest.mark.parametrize(
    ("shape", "given", "fitted"),
    [
        ((), 5, ()),
        ((1,), 5, (1,)),
        ((1,), [5], (1,)),
        ((-1,), 5, (1,)),
        ((-1,), [1, 2, 3], (3,)),
        ((-1,), [], (0,)),
        ((2, 2), [[1, 2], [3, 4]], (2, 2)),
        ((-1, -1), [[1, 2, 3], [4, 5, 6]], (2, 3)),
        ((-1, 2), [1, 2], (1, 2)),
        ((-1, 1), 7, (1, 1)),
        ((-1, 2, 2), [[1, 2], [3, 4]], (1, 2, 2)),
        ((1, 1, 1), 5, (1, 1, 1)),
        ((-1, -1), [1, 2, 3], (1, 3)),
    ],
)
def test_open_dimensions_and_a_batch_dimension_take_what_is_given(
    shape: tuple[int, ...], given: object, fitted: tuple[int, ...]
) -> None:
    value = from_plain("X", "INT32", shape, given)
    assert value.shape == fitted
    assert value.size == 4 * value.elements == 4 * math.prod(fitted)


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((1,), [1, 2]),
        ((1,), []),
        ((3,), 5),
        ((2, 2), [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_what_does_not_fit_the_shape_is_refused_with_the_shape(shape: tuple[int, ...], given: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_plain("X", "INT32", shape, given)
    assert refused.value.message == f"The value does not fit the input's shape {list(shape)}."
    assert refused.value.field == "inputs.X"


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((2, -1), [[1, 2], [3, 4, 5]]),
        ((-1, 2), [[1, 2], [3]]),
        ((-1, -1), [[1, 2], [3]]),
        ((-1,), [[1], [2, 3]]),
        ((2, 2), [[1, 2, 3], [4]]),
        ((-1,), [1, [2]]),
    ],
)
def test_ragged_arrays_are_refused(shape: tuple[int, ...], given: object) -> None:
    with pytest.raises(InvalidInput, match="not all of the same shape"):
        from_plain("X", "INT32", shape, given)


@pytest.mark.parametrize("given", [None, {"a": 1}, [1, None, 2], [{"a": 1}]])
def test_what_is_neither_value_nor_array_is_refused(given: object) -> None:
    with pytest.raises(InvalidInput, match="plain values"):
        from_plain("X", "INT32", (-1,), given)


@pytest.mark.parametrize("given", [1e39, -1e39, 10**40])
def test_what_fp32_cannot_hold_is_refused_and_not_made_infinite(given: float) -> None:
    with pytest.raises(InvalidInput, match="FP32"):
        from_plain("X", "FP32", (1,), [given])


@pytest.mark.parametrize(("datatype", "data"), [("FP32", b"\0\0\0"), ("FP16", b"\0"), ("INT8", b"\0\0"), ("FP32", b"")])
def test_bytes_that_do_not_fill_the_shape_are_triton_s_failure(datatype: str, data: bytes) -> None:
    with pytest.raises(TritonFailed):
        to_plain(Value("X", datatype, (1,), (data,)))


@pytest.mark.parametrize(
    ("datatype", "given"),
    [
        ("INT32", "five"),
        ("INT32", True),
        ("FP32", "0.5"),
        ("FP32", False),
        ("BOOL", 1),
        ("BOOL", "true"),
        ("INT32", 1.5),
        ("INT64", float("inf")),
        ("UINT8", 256),
        ("UINT8", -1),
        ("INT8", 128),
        ("UINT64", 2**64),
        ("INT64", 2**63),
        ("INT64", 1e300),
        ("FP16", 1e6),
        ("FP64", 10**400),
    ],
)
def test_values_of_another_kind_or_out_of_range_are_refused_and_never_echoed(datatype: str, given: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_plain("X", datatype, (1,), given)
    assert refused.value.field == "inputs.X"
    assert datatype in refused.value.message
    assert str(given) not in refused.value.message


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    assert from_plain("X", "INT16", (1,), 7.0).data == b"\x07\x00"


def test_a_whole_number_is_a_floating_point_number_too() -> None:
    assert from_plain("X", "FP32", (1,), 2).data == struct.pack("<f", 2)


def test_bf16_is_the_upper_half_of_fp32() -> None:
    assert to_plain(Value("X", "BF16", (2,), (b"\x80\x3f\x00\xc0",))).data == [1.0, -2.0]
    assert from_plain("X", "BF16", (-1,), [1.0, -2.0]).data == b"\x80\x3f\x00\xc0"


def test_parts_are_one_piece_to_whoever_wants_one() -> None:
    payload = b"abc"
    value = Value("X", "BYTES", (1,), (frame(payload), payload))
    assert value.size == 7
    assert value.data == b"\x03\x00\x00\x00abc"
    assert value.only_element() == b"abc"


def test_a_single_part_is_not_copied() -> None:
    payload = bytes(8)
    assert Value("X", "UINT8", (8,), (payload,)).data is payload


@pytest.mark.parametrize(
    "value",
    [
        Value("X", "UINT8", (1,), (b"\x01",)),
        Value("X", "BYTES", (2,), (b"\x00\x00\x00\x00" * 2,)),
        Value("X", "BYTES", (0,), (b"",)),
        Value("X", "BYTES", (1,), (b"\x00\x00\x00\x00" * 2,)),
    ],
)
def test_only_a_text_that_is_alone_is_the_only_element(value: Value) -> None:
    assert value.only_element() is None


def test_an_empty_text_alone_is_an_only_element() -> None:
    assert Value("X", "BYTES", (1, 1), (b"\x00\x00\x00\x00",)).only_element() == b""
