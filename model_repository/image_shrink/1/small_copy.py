"""A small copy of a picture; knows Pillow, nothing of Triton.

In: UINT8 [H, W, 3] RGB. Out: a PNG whose longer side is no longer than asked for, and never longer than it was; the
proportions stay, and no side is shorter than one pixel.
"""

import io
import json

import numpy as np
from PIL import Image


def thumbnail(pixels: np.ndarray, longest_side: int) -> bytes:
    """The small copy, encoded."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest_side, longest_side))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def observation(pixels: np.ndarray) -> bytes:
    """What there is to say of the picture itself, as JSON."""
    height, width, _ = pixels.shape
    return json.dumps({"metaData": {"width": width, "height": height}}, separators=(",", ":")).encode()
