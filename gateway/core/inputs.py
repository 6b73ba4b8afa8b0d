"""From what a caller gives to the tensors an ensemble takes, by role."""

import msgspec

from gateway.domain.media import Media
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.domain.tensors import Value, frame, from_plain
from gateway.errors import InvalidInput, WiringInvalid
from gateway.ports import ImageDecoder


def named_values(pipeline: Pipeline, given: dict[str, object]) -> tuple[Value, ...]:
    """The tensors of the inputs that a call gives by name.

    Raises:
        InvalidInput: a value is not of its input's kind.
    """
    named = pipeline.named_inputs
    return tuple(_followed(named[name], value) for name, value in given.items())


def _followed(entry: Input, given: object) -> Value:
    """The tensor of one value, as deeply nested as it may be."""
    try:
        return _named_value(entry, given)
    except RecursionError:
        raise InvalidInput("The value is nested too deeply.", field=f"inputs.{entry.name}") from None


def _named_value(entry: Input, given: object) -> Value:
    field = f"inputs.{entry.name}"
    if entry.role is InputRole.TEXT and not _is_text(given):
        raise InvalidInput("The input takes text.", field=field)
    if entry.role is InputRole.BOOLEAN and not isinstance(given, bool | list):
        raise InvalidInput("The input takes true or false.", field=field)
    if entry.role is InputRole.JSON:
        given = msgspec.json.encode(given).decode()
    return from_plain(entry.name, entry.datatype, entry.shape, given)


def _is_text(given: object) -> bool:
    return isinstance(given, str) or (isinstance(given, list) and all(map(_is_text, given)))


async def media_value(pipeline: Pipeline, media: Media, images: ImageDecoder) -> Value:
    """The tensor of one media: the encoded bytes as they came, or pixels where the ensemble wants pixels.

    Raises:
        MediaUnreadable, MediaLimit: the pixels could not be read.
        WiringInvalid: the input is of a shape that no single media fills.
    """
    entry = pipeline.media_input
    assert entry is not None
    if entry.role is InputRole.IMAGE:
        pixels = await images.decode(entry.name, media.data)
        shape = (1,) * (len(entry.shape) - len(pixels.shape)) + pixels.shape
        return msgspec.structs.replace(pixels, shape=shape)
    if any(size not in (1, -1) for size in entry.shape):
        raise WiringInvalid("The media input of the pipeline takes more than one element.", field=entry.name)
    return Value(entry.name, "BYTES", (1,) * len(entry.shape), (frame(media.data), media.data))
