"""Triton's tensors as raw little-endian bytes, to and from plain JSON values.

Datatype names and the framing of BYTES (a 4-byte little-endian length before each element) are
those of Triton's binary tensor data extension.
"""

import array
import math
import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from gateway.domain.plain_values import Scalar, flattened
from gateway.errors import InvalidInput, TritonFailed

_LENGTH: Final = struct.Struct("<I")
_FP32: Final = struct.Struct("<f")
#: Typecodes of `array`, all of a fixed size on every platform that has a Triton.
_TYPECODES: Final = {
    "BOOL": "b", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "FP32": "f", "FP64": "d",
}  # fmt: skip
_WHOLE: Final = frozenset(("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"))

#: Those that have forms for what is no number.
_FLOATING: Final = frozenset(("FP16", "BF16", "FP32", "FP64"))


class Value(msgspec.Struct, frozen=True):
    """One tensor on its way to or from Triton: raw bytes in Triton's own layout, in parts that were never joined."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    parts: tuple[bytes | memoryview, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts))

    @property
    def data(self) -> bytes | memoryview:
        """The bytes as one piece."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)

    @property
    def elements(self) -> int:
        """How many elements the shape holds."""
        return math.prod(self.shape)

    def only_element(self) -> bytes | None:
        """The element of a BYTES tensor that holds just one; None for any other tensor."""
        if self.datatype != "BYTES" or self.elements != 1:
            return None
        elements = list(bytes_elements(self.data))
        return elements[0] if len(elements) == 1 else None


class PlainTensor(msgspec.Struct, frozen=True):
    """A tensor as the wire shows it: elements in row-major order."""

    datatype: str
    shape: tuple[int, ...]
    data: list[Scalar]


def frame(payload: bytes | memoryview) -> bytes:
    """The length prefix of one BYTES element; the element itself follows uncopied."""
    return _LENGTH.pack(len(payload))


def bytes_elements(data: bytes | memoryview) -> Iterator[bytes]:
    """The elements of a BYTES tensor.

    Raises:
        TritonFailed: the lengths do not add up.
    """
    view = memoryview(data)
    while view:
        if len(view) < _LENGTH.size:
            raise TritonFailed("Triton sent a BYTES tensor that is cut off.")
        (length,) = _LENGTH.unpack(view[: _LENGTH.size])
        if len(view) < _LENGTH.size + length:
            raise TritonFailed("Triton sent a BYTES tensor that is cut off.")
        yield bytes(view[_LENGTH.size : _LENGTH.size + length])
        view = view[_LENGTH.size + length :]


def to_plain(value: Value) -> PlainTensor:
    """The tensor as plain JSON values; a BYTES element that is no text is shown with replacement characters.

    Raises:
        TritonFailed: the datatype is not one of Triton's, or the bytes do not fill the shape.
    """
    elements = _plain_elements(value)
    if len(elements) != value.elements:
        raise TritonFailed("Triton sent a tensor whose bytes do not fill its shape.")
    return PlainTensor(value.datatype, value.shape, elements)


def _plain_elements(value: Value) -> list[Scalar]:
    try:
        return _unpacked(value)
    except (ValueError, struct.error):
        raise TritonFailed("Triton sent a tensor that is cut off.") from None


def _unpacked(value: Value) -> list[Scalar]:
    if value.datatype == "BYTES":
        return [element.decode(errors="replace") for element in bytes_elements(value.data)]
    if value.datatype == "FP16":
        return [item for (item,) in struct.iter_unpack("<e", value.data)]
    if value.datatype == "BF16":
        # The upper half of an FP32.
        return [_FP32.unpack(b"\0\0" + bytes(half))[0] for (half,) in struct.iter_unpack("2s", value.data)]
    typecode = _TYPECODES.get(value.datatype)
    if typecode is None:
        raise TritonFailed(f"The output is of type {value.datatype}, which has no plain form.")
    numbers: list[Scalar] = list(array.array(typecode, bytes(value.data)))
    return [bool(item) for item in numbers] if value.datatype == "BOOL" else numbers


def from_plain(name: str, datatype: str, shape: tuple[int, ...], given: object) -> Value:
    """A tensor from a JSON scalar or nested arrays; `-1` in `shape` takes what was given.

    Raises:
        InvalidInput: the value does not fit the datatype or the shape.
    """
    nested, elements = flattened(given, f"inputs.{name}")
    fitted = _fitted(name, shape, nested, len(elements))
    return Value(name, datatype, fitted, (_packed(name, datatype, elements),))


def _fitted(name: str, shape: tuple[int, ...], nested: tuple[int, ...], elements: int) -> tuple[int, ...]:
    candidates = [nested, (1, *nested)]
    if len(nested) < 2:
        candidates.append(_inferred(shape, elements))
    for candidate in candidates:
        if _fits(candidate, shape) and math.prod(candidate) == elements:
            return candidate
    raise InvalidInput(f"The value does not fit the input's shape {list(shape)}.", field=f"inputs.{name}")


def _fits(candidate: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    same_rank = len(candidate) == len(shape)
    return same_rank and all(want in (-1, have) for want, have in zip(shape, candidate, strict=True))


def _inferred(shape: tuple[int, ...], elements: int) -> tuple[int, ...]:
    """`shape` with its open dimensions 1, but the last of them as long as the elements ask."""
    known = math.prod(size for size in shape if size != -1)
    rest = elements // known if known else 0
    last = max((index for index, size in enumerate(shape) if size == -1), default=-1)
    return tuple(size if size != -1 else (rest if index == last else 1) for index, size in enumerate(shape))


def _packed(name: str, datatype: str, elements: list[Scalar]) -> bytes:
    if datatype == "BYTES":
        return _framed(name, elements)
    numbers = _numbers(name, datatype, elements)
    try:
        if datatype in _FLOATING:
            _refuse_infinite(numbers)
        if datatype == "FP16":
            return struct.pack(f"<{len(numbers)}e", *numbers)
        if datatype in ("FP32", "BF16"):
            # `array` turns what is too large into infinity; this refuses it.
            packed = struct.pack(f"<{len(numbers)}f", *numbers)
            return packed if datatype == "FP32" else b"".join(half for _, half in struct.iter_unpack("2s2s", packed))
        return array.array(_TYPECODES[datatype], numbers).tobytes()
    except KeyError:
        raise InvalidInput(f"An input of type {datatype} cannot be given as JSON.", field=f"inputs.{name}") from None
    except (OverflowError, TypeError, struct.error):
        raise InvalidInput(f"A number does not fit the type {datatype}.", field=f"inputs.{name}") from None


def _refuse_infinite(numbers: list[int | float]) -> None:
    if not all(map(math.isfinite, numbers)):
        raise OverflowError


def _framed(name: str, elements: list[Scalar]) -> bytes:
    texts = [item if isinstance(item, str) else msgspec.json.encode(item).decode() for item in elements]
    try:
        return b"".join(frame(raw) + raw for raw in (text.encode() for text in texts))
    except UnicodeEncodeError:
        raise InvalidInput("The text is not valid Unicode.", field=f"inputs.{name}") from None


def _numbers(name: str, datatype: str, elements: list[Scalar]) -> list[int | float]:
    types = set(map(type, elements))
    if not types <= ({bool} if datatype == "BOOL" else {int, float}):
        raise InvalidInput(f"The input takes values of type {datatype}.", field=f"inputs.{name}")
    numbers: list[int | float] = elements  # type: ignore[assignment]  # their types have just been looked at
    if datatype not in _WHOLE or float not in types:
        return numbers
    if not all(float(each).is_integer() for each in numbers if isinstance(each, float)):
        raise InvalidInput(f"The input takes whole numbers ({datatype}).", field=f"inputs.{name}")
    return list(map(int, numbers))
