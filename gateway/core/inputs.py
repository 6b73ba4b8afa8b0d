"""From what a caller gives to the tensors an ensemble takes, by role."""

import msgspec

from gateway.domain.media import Media
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.domain.plain_values import check_kind
from gateway.domain.tensors import Value, frame, from_plain
from gateway.errors import WiringInvalid
from gateway.ports import ImageDecoder


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
