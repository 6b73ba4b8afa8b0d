"""Pixels from encoded images, for ensembles that want pixels and decode nothing themselves."""

import asyncio
import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gateway.domain.tensors import Value
from gateway.errors import MediaLimit, MediaUnreadable
from gateway.limits import MAX_IMAGE_PIXELS


class PillowDecoder:
    """An `ImageDecoder` on Pillow; decoding runs in a thread, which it leaves the interpreter's lock for."""

    async def decode(self, name: str, encoded: bytes) -> Value:
        """See `ImageDecoder.decode`."""
        pixels = await asyncio.to_thread(_pixels, encoded)
        return Value(name, "UINT8", pixels.shape, (pixels.tobytes(),))


def _pixels(encoded: bytes) -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise MediaLimit(f"The media has more than {MAX_IMAGE_PIXELS} pixels.")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as failure:
        raise MediaUnreadable("The gateway could not read it as an image.") from failure
