"""From the bytes of an image file to RGB pixels; knows Pillow, nothing of Triton.

In: the file as it came (PNG, JPEG, TIFF, WebP, BMP or GIF; of several frames or pages the first).
Out: UINT8, shape [height, width, 3], RGB, upright (EXIF orientation applied), alpha flattened on white.
Raises `MediaError` for what the file is to blame for; its text never repeats anything from the file.
"""

import io
import warnings

import numpy as np
from PIL import Image

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Our own limit takes the place of Pillow's, and what Pillow remarks about a caller's file is no line of our log.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module="PIL")


class MediaError(ValueError):
    """The file cannot be read, or is larger than allowed."""


def rgb_pixels(encoded: bytes, max_pixels: int) -> np.ndarray:
    """The upright RGB pixels of an encoded image of at most `max_pixels` pixels."""
    image = _opened(encoded)
    if image.width * image.height > max_pixels:
        raise MediaError(f"media.limit: the image has more pixels than the {max_pixels} this step accepts")
    try:
        image.load()
        return np.asarray(_upright(image, _orientation(image)))
    except MemoryError:
        raise
    except Exception as error:
        raise MediaError("the image is damaged or cut short") from error


def _opened(encoded: bytes) -> Image.Image:
    """The image with its header read and nothing decoded yet."""
    if not encoded:
        raise MediaError("the media is empty")
    try:
        return Image.open(io.BytesIO(encoded), formats=FORMATS)
    except MemoryError:
        raise
    except Exception as error:
        raise MediaError("the media is not an image this step can read (PNG, JPEG, TIFF, WebP, BMP, GIF)") from error


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where the file states none that can be read."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001  a damaged EXIF block says nothing about the pixels
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    rgb = _rgb(image)
    return rgb.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else rgb


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        return _flattened(image.convert("RGBA"))
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deep gray: 16 bit by its high byte, 32 bit and float stretched over their own range.

    Pillow's own conversion cuts everything above 255 off instead.
    """
    deep = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((deep.astype(np.uint16) >> 8).astype(np.uint8))
    finite = np.nan_to_num(deep.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    return Image.fromarray(np.rint((finite - low) * (255 / ((high - low) or 1.0))).astype(np.uint8))


def _flattened(rgba: Image.Image) -> Image.Image:
    """The image over white, as paper would show it."""
    page = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(page, rgba).convert("RGB")
