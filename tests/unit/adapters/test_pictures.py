import io
from typing import Any

import pytest
from PIL import Image

from documents import encoded
from gateway.adapters.rendering import pictures
from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.frames import Outcome, Refused, sized
from gateway.domain.conversion import Shape

WHOLE = Bounds()


def pixels(raw: bytes, number: int = 0, bounds: Bounds = WHOLE) -> tuple[int, int, bytes]:
    made = pictures.pixels(io.BytesIO(raw), number, bounds)
    payload = bytearray(b"".join(made.strips()))
    assert len(payload) == made.length
    height, width, view = sized(payload)
    return height, width, bytes(view)


def shown(raw: bytes, number: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(pictures.png(io.BytesIO(raw), number, WHOLE)))


def described(raw: bytes, bounds: Bounds = WHOLE) -> Shape:
    return pictures.describe(io.BytesIO(raw), bounds)


def refusal(raw: bytes, **options: Any) -> Outcome:
    with pytest.raises(Refused) as refused:
        pixels(raw, **options)
    return refused.value.outcome


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (4, 3), (shade, 0, 0)) for shade in (0, 120, 240)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)


def turned(kind: str, orientation: int) -> bytes:
    """Blue above, red below, stored so that this orientation makes it upright."""
    picture = Image.new("RGB", (16, 8), (250, 0, 0))
    picture.paste((0, 0, 250), (0, 0, 16, 4))
    stored = picture.rotate(90, expand=True) if orientation == 6 else picture.rotate(180)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, kind, exif=exif)


def test_a_picture_becomes_rows_of_red_green_blue() -> None:
    picture = Image.new("RGB", (2, 1), (1, 2, 3))
    picture.putpixel((1, 0), (4, 5, 6))
    assert pixels(encoded(picture, "PNG")) == (1, 2, bytes((1, 2, 3, 4, 5, 6)))


def test_a_picture_of_many_strips_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.effect_noise((31, 17), 90).convert("RGB")
    monkeypatch.setattr(pictures, "_STRIP", 100)
    assert pixels(encoded(picture, "PNG")) == (17, 31, picture.tobytes())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_becomes_red_green_blue(mode: str) -> None:
    assert pixels(encoded(Image.new(mode, (3, 2)), "PNG"))[:2] == (2, 3)


@pytest.mark.parametrize(
    ("mode", "kind"), [("F", "TIFF"), ("I", "TIFF"), ("CMYK", "JPEG"), ("LAB", "TIFF"), ("YCbCr", "JPEG")]
)
def test_modes_that_png_does_not_have_can_be_shown(mode: str, kind: str) -> None:
    raw = encoded(Image.new(mode, (16, 8)), kind)
    assert shown(raw).size == (16, 8)
    assert pixels(raw)[:2] == (8, 16)


def test_deep_gray_is_shown_by_its_high_byte() -> None:
    deep = Image.new("I;16", (3, 1))
    for at, value in enumerate((0, 128 * 256, 65280)):
        deep.putpixel((at, 0), value)
    assert pixels(encoded(deep, "PNG"))[2] == bytes((0, 0, 0, 128, 128, 128, 255, 255, 255))


def test_what_is_transparent_is_white_as_on_paper() -> None:
    assert pixels(encoded(Image.new("RGBA", (1, 1), (9, 9, 9, 0)), "PNG"))[2] == b"\xff\xff\xff"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_picture_is_turned_as_its_camera_was_held(kind: str, orientation: int) -> None:
    raw = turned(kind, orientation)
    assert described(raw).turned
    height, width, data = pixels(raw)
    assert (height, width) == (8, 16)
    above, below = data[:3], data[-3:]
    assert above[2] > 200 > 50 > above[0]
    assert below[0] > 200 > 50 > below[2]
    image = shown(raw)
    assert (image.size, image.getexif().get(0x0112, 1)) == ((16, 8), 1)


def test_frames_of_a_tiff_are_pages_and_of_animations_the_first_counts() -> None:
    assert described(animated("TIFF")) == Shape(3, 4, 3)
    assert pixels(animated("TIFF"), 2)[2][:3] == bytes((240, 0, 0))
    for kind in ("GIF", "WEBP", "PNG"):
        assert described(animated(kind)).pages == 1
        assert pixels(animated(kind))[2][0] < 8


@pytest.mark.parametrize("kind", ["BMP", "GIF", "WEBP", "AVIF", "JPEG2000"])
def test_other_types_are_shown_as_png(kind: str) -> None:
    assert shown(encoded(Image.new("RGB", (16, 8)), kind)).size == (16, 8)


@pytest.mark.parametrize(
    "raw",
    [b"", b"words", b"\x89PNG\r\n\x1a\n", encoded(Image.new("RGB", (64, 64)), "BMP")[:100],
     encoded(Image.effect_noise((64, 64), 90), "PNG")[:900], encoded(Image.new("RGB", (9, 9)), "PPM"),
     b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", b"II*\0\x08\0\0\0\xff\xff"],
    ids=range(8),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_what_is_no_picture_or_cut_off_or_of_a_type_not_taken_is_unreadable(raw: bytes) -> None:
    assert refusal(raw) is Outcome.UNREADABLE


def test_a_frame_that_there_is_not_is_unreadable() -> None:
    assert refusal(animated("TIFF"), number=3) is Outcome.UNREADABLE


@pytest.mark.parametrize(("most", "fits"), [(5, False), (6, True), (7, True)])
def test_a_picture_has_as_many_pixels_as_the_limit_says(most: int, fits: bool) -> None:
    raw = encoded(Image.new("RGB", (3, 2)), "PNG")
    if fits:
        assert pixels(raw, bounds=Bounds(image_pixels=most))[:2] == (2, 3)
        assert described(raw, Bounds(image_pixels=most)) == Shape(1, 3, 2)
    else:
        assert refusal(raw, bounds=Bounds(image_pixels=most)) is Outcome.LIMIT


def test_every_frame_is_measured() -> None:
    frames = [Image.new("RGB", size) for size in ((2, 2), (9, 9))]
    raw = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    bounds = Bounds(image_pixels=80)
    assert pixels(raw, bounds=bounds)[:2] == (2, 2)
    assert refusal(raw, number=1, bounds=bounds) is Outcome.LIMIT


@pytest.mark.parametrize(("most", "fits"), [(2, False), (3, True), (4, True)])
def test_a_tiff_has_as_many_frames_as_the_limit_says(most: int, fits: bool) -> None:
    if fits:
        assert described(animated("TIFF"), Bounds(frames=most)).pages == 3
    else:
        with pytest.raises(Refused, match="2 frames"):
            described(animated("TIFF"), Bounds(frames=most))
