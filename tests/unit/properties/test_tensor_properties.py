"""The framing of tensors, held against Triton's own client: the same bytes, in both directions and for every type."""

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers
from tritonclient.grpc import InferInput
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor, triton_to_np_dtype

from gateway.domain.tensors import Scalar, Value, bytes_elements, frame, from_plain, to_plain
from gateway.errors import GatewayError, InvalidInput, TritonFailed

NUMERIC = [
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64",
]  # fmt: skip
SHAPES = numbers.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just({}),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=20,
)


def clients(datatype: str, values: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """What Triton's client sends for these."""
    given = InferInput("X", list(values.shape), datatype)
    given.set_data_from_numpy(values)
    return given._get_content() or b""


@pytest.mark.parametrize("datatype", NUMERIC)
@given(drawn=st.data())
def test_numbers_are_framed_as_by_triton_s_own_client(datatype: str, drawn: st.DataObject) -> None:
    kind = np.dtype(triton_to_np_dtype(datatype))
    elements = {"allow_nan": False, "allow_infinity": False} if kind.kind == "f" else {}
    shape = drawn.draw(SHAPES)
    values = drawn.draw(numbers.arrays(kind, shape, elements=elements))
    value = from_plain("X", datatype, shape, values.tolist())
    assert (value.data, value.shape) == (clients(datatype, values), values.shape)
    assert to_plain(value).data == values.ravel().tolist()


@given(st.lists(st.text(max_size=20), max_size=6))
def test_texts_are_framed_as_by_triton_s_own_client(texts: list[str]) -> None:
    value = from_plain("X", "BYTES", (len(texts),), list(texts))
    theirs = serialize_byte_tensor(np.array([each.encode() for each in texts], dtype=object))
    assert value.data == (theirs.item() if theirs.size else b"")
    assert list(deserialize_bytes_tensor(value.data)) == [each.encode() for each in texts]


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_media_are_framed_as_by_triton_s_own_client(media: list[bytes]) -> None:
    ours = b"".join(frame(each) + each for each in media)
    theirs = serialize_byte_tensor(np.array(media, dtype=object))
    assert ours == (theirs.item() if theirs.size else b"")
    assert list(bytes_elements(ours)) == list(deserialize_bytes_tensor(ours)) == media


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8))
def test_brain_floats_are_the_upper_half_of_floats(values: list[float]) -> None:
    value = from_plain("X", "BF16", (len(values),), list(values))
    halves = [raw[2:] for (raw,) in struct.iter_unpack("4s", struct.pack(f"<{len(values)}f", *values))]
    assert value.data == b"".join(halves)
    assert to_plain(value).data == [struct.unpack("<f", b"\0\0" + half)[0] for half in halves]


@given(
    st.sampled_from([*NUMERIC, "BF16", "BYTES", "STRING", "", "FP8"]),
    st.lists(st.integers(-1, 5), max_size=4).map(tuple),
    PLAIN,
)
def test_a_value_fills_its_shape_or_is_refused(datatype: str, shape: tuple[int, ...], given_value: object) -> None:
    try:
        value = from_plain("X", datatype, shape, given_value)
    except InvalidInput as refused:
        assert refused.field == "inputs.X"
        return
    assert len(value.shape) == len(shape)
    assert all(want in (-1, have) for want, have in zip(shape, value.shape, strict=True))
    assert len(to_plain(value).data) == value.elements


@given(
    st.sampled_from([*NUMERIC, "BF16", "BYTES", "STRING"]),
    st.lists(st.integers(0, 5), max_size=3).map(tuple),
    st.binary(max_size=64),
    st.integers(0, 64),
)
def test_what_triton_sends_is_plain_or_a_failure_of_triton(
    datatype: str, shape: tuple[int, ...], data: bytes, cut: int
) -> None:
    def shown(*parts: bytes) -> list[Scalar] | type[GatewayError]:
        return _outcome(lambda: to_plain(Value("X", datatype, shape, parts)).data)

    assert repr(shown(data)) == repr(shown(data[:cut], data[cut:]))


def _outcome(work: Callable[[], list[Scalar]]) -> list[Scalar] | type[GatewayError]:
    try:
        return work()
    except TritonFailed:
        return TritonFailed
