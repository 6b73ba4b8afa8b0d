"""Images by Pillow, in a child: what they are, upright frames of them, and their pixels.

Every frame is checked by its header before anything of it is decoded. Of animated images (GIF, WebP, APNG) the first
frame counts; of TIFF every frame is a page.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from typing import BinaryIO, Final

from PIL import Image, ImageOps, UnidentifiedImageError

from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.frames import Refused, past_limit, size_bytes, unreadable
from gateway.domain.conversion import Shape

FORMATS: Final = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000")
_ORIENTATION: Final = 0x0112
_UPRIGHT: Final = 1
#: What PNG can hold as it is.
_PNG_MODES: Final = frozenset(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"))
#: Pixels that are converted at once.
_STRIP: Final = 1_000_000
_BROKEN: Final = (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, KeyError, EOFError, struct.error)

# Our own limit takes the place of Pillow's, and what Pillow remarks about a caller's file is no line of our log.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module="PIL")


def describe(file: BinaryIO, bounds: Bounds) -> Shape:
    """How many frames there are, and how large the first is.

    Raises:
        Refused: it is no image, or too large.
    """
    with _opened(file) as image:
        _check(image, bounds)
        turned = _orientation(image) != _UPRIGHT
        return Shape(_frames(image, bounds), image.width, image.height, turned)


def png(file: BinaryIO, number: int, bounds: Bounds) -> bytes:
    """A frame as PNG, upright.

    Raises:
        Refused: there is no such frame, it is damaged, or too large.
    """
    image = _frame(file, number, bounds)
    return encoded(image if image.mode in _PNG_MODES else _eight_bits(image))


def encoded(image: Image.Image) -> bytes:
    """The image as PNG: quickly rather than small, for it goes no further than Triton."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def pixels(file: BinaryIO, number: int, bounds: Bounds) -> "Pixels":
    """A frame as pixels, upright.

    Raises:
        Refused: there is no such frame, it is damaged, or too large.
    """
    return Pixels(_frame(file, number, bounds))


class Pixels:
    """An image as rows of red, green and blue, a strip at a time, so that it is never there twice."""

    def __init__(self, image: Image.Image):
        self._image = image
        self.head = size_bytes(image.height, image.width)
        self.length = len(self.head) + image.width * image.height * 3

    def strips(self) -> Iterator[bytes]:
        """The bytes, from the top."""
        yield self.head
        width, height = self._image.size
        rows = max(1, _STRIP // width)
        image = _eight_bits(self._image) if self._image.mode.startswith(("I", "F")) else self._image
        for top in range(0, height, rows):
            yield _rgb(image.crop((0, top, width, min(top + rows, height)))).tobytes()


def _opened(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except _BROKEN as failure:
        raise unreadable("The gateway could not read it as an image.") from failure


def _frame(file: BinaryIO, number: int, bounds: Bounds) -> Image.Image:
    image = _opened(file)
    try:
        if number:
            image.seek(number)
        _check(image, bounds)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
    except Refused:
        raise
    except _BROKEN as failure:
        raise unreadable("The gateway could not read it as an image: it is damaged or cut off.") from failure
    return image


def _check(image: Image.Image, bounds: Bounds) -> None:
    if image.width * image.height > bounds.image_pixels:
        raise past_limit(f"The media has more than {bounds.image_pixels} pixels.")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; upright where the file states none that can be read."""
    if image.format == "PNG" and "exif" not in image.info:
        # Pillow would decode the whole image to see whether some stands behind it.
        return _UPRIGHT
    try:
        return int(image.getexif().get(_ORIENTATION, _UPRIGHT))
    except _BROKEN:
        return _UPRIGHT


def _frames(image: Image.Image, bounds: Bounds) -> int:
    """How many frames a TIFF has; each is looked for where the one before it says."""
    if image.format != "TIFF":
        return 1
    try:
        for number in range(1, bounds.frames + 1):
            image.seek(number)
    except EOFError:
        return number
    except _BROKEN as failure:
        raise unreadable("The gateway could not read it as an image: its frames are damaged.") from failure
    raise past_limit(f"The media has more than {bounds.frames} frames.")


def _rgb(image: Image.Image) -> Image.Image:
    """Red, green and blue; what is transparent is white, as paper would show it."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    shown = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")


def _extremes(image: Image.Image) -> tuple[float, float]:
    low, high = image.getextrema()
    assert isinstance(low, float | int)
    assert isinstance(high, float | int)
    return low, high


def _eight_bits(image: Image.Image) -> Image.Image:
    """Any mode that PNG does not have: deep gray by its high byte or its own range, the rest as colours."""
    if not image.mode.startswith(("I", "F")):
        return image.convert("RGB")
    deep = image.convert("F")
    low, high = (0.0, 65280.0) if image.mode.startswith("I;16") else _extremes(deep)
    scale = 255 / ((high - low) or 1.0)
    return deep.point(lambda value: value * scale - low * scale).convert("L")
