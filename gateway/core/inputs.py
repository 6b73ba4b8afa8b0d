"""From what a caller gives to the tensors an ensemble takes, by role."""

import msgspec

from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.domain.plain_values import check_kind
from gateway.domain.tensors import Value, frame, from_plain
from gateway.errors import WiringInvalid


def named_values(pipeline: Pipeline, given: dict[str, object]) -> tuple[Value, ...]:
    """The tensors of the inputs that a call gives by name.

    Raises:
        InvalidInput: a value is not of its input's kind.
    """
    named = pipeline.named_inputs
    return tuple(_named_value(named[name], value) for name, value in given.items())


def _named_value(entry: Input, given: object) -> Value:
    if entry.role is InputRole.JSON:
        given = msgspec.json.encode(given).decode()
    else:
        check_kind(entry, given)
    return from_plain(entry.name, entry.datatype, entry.shape, given)


def encoded_value(entry: Input, data: bytes | memoryview) -> Value:
    """The tensor of one media: an encoded file, as it came or as a page was rendered.

    Raises:
        WiringInvalid: the input is of a shape that no single media fills.
    """
    if any(size not in (1, -1) for size in entry.shape):
        raise WiringInvalid("The media input of the pipeline takes more than one element.", field=entry.name)
    return Value(entry.name, "BYTES", (1,) * len(entry.shape), (frame(data), data))


def pixel_value(entry: Input, pixels: Value) -> Value:
    """The tensor of one picture, in as many dimensions as the input has."""
    return msgspec.structs.replace(pixels, shape=(1,) * (len(entry.shape) - len(pixels.shape)) + pixels.shape)
