import io

import numpy as np
import pytest
from encoded_image import MediaError, rgb_pixels
from PIL import Image

LIMIT = 64_000_000
NOT_AN_IMAGE = "the media is not an image this step can read (PNG, JPEG, TIFF, WebP, BMP, GIF)"


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def corner_image() -> Image.Image:
    """4 wide, 2 high, green, the upper left pixel red."""
    image = Image.new("RGB", (4, 2), (0, 128, 0))
    image.putpixel((0, 0), (255, 0, 0))
    return image


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_come_out_as_they_went_in(file_format: str) -> None:
    pixels = rgb_pixels(encoded(corner_image(), file_format), LIMIT)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.asarray(corner_image()))


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "GIF"])
def test_other_formats_keep_size_and_colour(file_format: str) -> None:
    pixels = rgb_pixels(encoded(Image.new("RGB", (16, 8), (200, 100, 50)), file_format), LIMIT)
    assert pixels.shape == (8, 16, 3)
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 8


STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_every_exif_orientation_comes_out_upright(orientation: int, file_format: str) -> None:
    stored = corner_image()
    if (turned := STORED_AS[orientation]) is not None:
        stored = stored.transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = rgb_pixels(encoded(stored, file_format, exif=exif), LIMIT)
    assert np.array_equal(pixels, np.asarray(corner_image()))


def test_an_orientation_that_exif_does_not_know_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert np.array_equal(rgb_pixels(encoded(corner_image(), exif=exif), LIMIT), np.asarray(corner_image()))


def test_transparency_is_flattened_on_white() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    assert rgb_pixels(encoded(image), LIMIT).tolist() == [[[255, 255, 255], [10, 20, 30]]]


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_colour_named_transparent_becomes_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), 0)
    transparent = (0, 0, 0) if mode == "RGB" else 0
    assert rgb_pixels(encoded(image, transparency=transparent), LIMIT).min() == 255


def test_sixteen_bit_gray_keeps_its_high_byte() -> None:
    deep = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    assert rgb_pixels(encoded(Image.fromarray(deep)), LIMIT)[0, :, 0].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_deeper_gray_is_stretched_over_its_own_range(kind: type) -> None:
    deep = np.array([[-2, 0, 2]]).astype(kind)
    assert rgb_pixels(encoded(Image.fromarray(deep), "TIFF"), LIMIT)[0, :, 0].tolist() == [0, 128, 255]


def test_values_that_are_no_numbers_do_not_stop_a_float_image() -> None:
    deep = np.array([[np.nan, np.inf, 1.0, 0.0]], np.float32)
    assert rgb_pixels(encoded(Image.fromarray(deep), "TIFF"), LIMIT)[0, :, 0].tolist() == [0, 0, 255, 0]


@pytest.mark.parametrize(("mode", "white"), [("1", 1), ("L", 255), ("LA", (255, 255)), ("CMYK", (0, 0, 0, 0))])
def test_white_stays_white_in_every_mode(mode: str, white: object) -> None:
    file_format = "TIFF" if mode == "CMYK" else "PNG"
    assert rgb_pixels(encoded(Image.new(mode, (3, 2), white), file_format), LIMIT).min() == 255


def test_of_several_frames_the_first_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert rgb_pixels(data, LIMIT)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("data", [b"a secret text", b"%PDF-1.7 a secret", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_is_no_image_is_refused_without_repeating_it(data: bytes) -> None:
    with pytest.raises(MediaError) as refusal:
        rgb_pixels(data, LIMIT)
    assert str(refusal.value) == NOT_AN_IMAGE


def test_empty_media_are_refused() -> None:
    with pytest.raises(MediaError, match=r"^the media is empty$"):
        rgb_pixels(b"", LIMIT)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_an_image_cut_short_is_refused(file_format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), file_format)
    with pytest.raises(MediaError, match=r"^the image is damaged or cut short$|^the media is not an image"):
        rgb_pixels(data[: len(data) // 2], LIMIT)


def test_one_pixel_more_than_the_limit_is_refused_and_the_limit_is_not() -> None:
    data = encoded(Image.new("1", (10, 10)))
    assert rgb_pixels(data, 100).shape == (10, 10, 3)
    with pytest.raises(MediaError, match=r"^media.limit: the image has more pixels than the 99 this step accepts$"):
        rgb_pixels(data, 99)


def test_too_many_pixels_are_refused_by_the_header_alone() -> None:
    header = encoded(Image.new("1", (64, 64)))[:50]
    with pytest.raises(MediaError, match="more pixels"):
        rgb_pixels(header, 64 * 64 - 1)
    with pytest.raises(MediaError, match="cut short"):
        rgb_pixels(header, 64 * 64)
