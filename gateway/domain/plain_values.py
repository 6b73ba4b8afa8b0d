"""What a caller gives for an input as JSON: its elements in a row, their shape, and whether they are of its kind."""

from collections.abc import Callable
from itertools import chain
from typing import Final, NamedTuple

from gateway.domain.pipelines import Input, InputRole
from gateway.errors import InvalidInput

Scalar = str | int | float | bool

_SCALARS: Final = frozenset((str, int, float, bool))
_NUMBERS: Final = frozenset((int, float))
#: The largest numbers of the floating-point types; BF16 has the range of FP32, less a little.
_LARGEST: Final = {"FP16": 65504.0, "FP32": 3.4028234663852886e38, "BF16": 3.3895313892515355e38}
#: From here on a double does not hold every whole number.
_EXACT: Final = 2.0**53


class Plain(NamedTuple):
    """Elements in row-major order, and the shape of the arrays they stand in; () for one that stands in none."""

    shape: tuple[int, ...]
    elements: list[Scalar]


class _Kind(NamedTuple):
    """What an input takes: in words, the types of JSON, and which of their values."""

    words: str
    types: frozenset[type]
    fits: Callable[[list[Scalar]], bool] = lambda _: True


def flattened(given: object, field: str) -> Plain:
    """A JSON scalar or nested arrays, taken apart.

    Raises:
        InvalidInput: it is neither, or the arrays are not all of one shape.
    """
    shape: list[int] = []
    level: list[object] = [given]
    while list in (types := set(map(type, level))):
        lengths = set(map(len, level)) if len(types) == 1 else ()  # type: ignore[arg-type]  # they are all lists
        if len(lengths) != 1:
            raise InvalidInput("The arrays of the input are not all of the same shape.", field=field)
        shape.extend(lengths)
        level = list(chain.from_iterable(level))  # type: ignore[arg-type]  # as above
    if not types <= _SCALARS:
        raise InvalidInput("The input takes plain values, or arrays of them.", field=field)
    return Plain(tuple(shape), level)  # type: ignore[arg-type]  # their types have just been looked at


def check_kind(entry: Input, given: object) -> None:
    """Refuse what is not of the kind that an input takes, before it is made a tensor.

    Raises:
        InvalidInput: it is not; the message says what the input takes, and never what was given.
    """
    field = f"inputs.{entry.name}"
    kind = _kind(entry)
    refusal = InvalidInput(f"The input takes {kind.words}{_in_shape(entry.shape)}.", field=field)
    if isinstance(given, dict) or given is None:
        raise refusal
    elements = flattened(given, field).elements
    if not set(map(type, elements)) <= kind.types or not kind.fits(elements):
        raise refusal


def _kind(entry: Input) -> _Kind:
    if entry.datatype == "BOOL" or entry.role is InputRole.BOOLEAN:
        return _Kind("true or false", frozenset((bool,)))
    if entry.datatype.startswith(("INT", "UINT")):
        return _whole(entry.datatype)
    if entry.datatype in ("FP64", *_LARGEST):
        return _floating(entry.datatype)
    if entry.role is InputRole.NUMBER:
        return _Kind("numbers", _NUMBERS)
    return _Kind("text", frozenset((str,)), _is_unicode)


def _whole(datatype: str) -> _Kind:
    bits = int(datatype.removeprefix("U").removeprefix("INT"))
    least, most = (0, 2**bits - 1) if datatype.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def fits(elements: list[Scalar]) -> bool:
        return all(map(_is_whole, elements)) and all(least <= each <= most for each in elements)  # type: ignore[operator]  # they are numbers

    return _Kind(f"whole numbers from {least} to {most} ({datatype})", _NUMBERS, fits)


def _is_whole(number: Scalar) -> bool:
    return not isinstance(number, float) or (number.is_integer() and abs(number) <= _EXACT)


def _floating(datatype: str) -> _Kind:
    most = _LARGEST.get(datatype, 1.7976931348623157e308)

    def fits(elements: list[Scalar]) -> bool:
        return all(-most <= each <= most for each in elements)  # type: ignore[operator]  # they are numbers

    return _Kind(f"numbers from {-most:.8g} to {most:.8g} ({datatype})", _NUMBERS, fits)


def _is_unicode(texts: list[Scalar]) -> bool:
    try:
        "".join(map(str, texts)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_shape(shape: tuple[int, ...]) -> str:
    if set(shape) <= {1}:
        return ""
    return f", in arrays of shape {list(shape)}{', -1 being any length' if -1 in shape else ''}"
