import io

import pytest
from PIL import Image

from gateway.adapters import images
from gateway.adapters.images import PillowDecoder
from gateway.domain.tensors import Value
from gateway.errors import MediaLimit, MediaUnreadable


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


async def test_a_picture_becomes_rows_of_red_green_blue() -> None:
    picture = Image.new("RGB", (2, 1), (1, 2, 3))
    picture.putpixel((1, 0), (4, 5, 6))
    value = await PillowDecoder().decode("X", encoded(picture))
    assert value == Value("X", "UINT8", (1, 2, 3), (bytes((1, 2, 3, 4, 5, 6)),))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
async def test_every_mode_becomes_red_green_blue(mode: str) -> None:
    value = await PillowDecoder().decode("X", encoded(Image.new(mode, (3, 2))))
    assert value.shape == (2, 3, 3)
    assert value.size == 18


async def test_a_picture_is_turned_as_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    value = await PillowDecoder().decode("X", encoded(Image.new("RGB", (4, 2)), "JPEG", exif=exif))
    assert value.shape == (4, 2, 3)


@pytest.mark.parametrize("raw", [b"", b"words", b"\x89PNG\r\n\x1a\n", encoded(Image.new("RGB", (64, 64)), "BMP")[:100]])
async def test_what_is_no_picture_or_cut_off_is_unreadable(raw: bytes) -> None:
    with pytest.raises(MediaUnreadable, match="could not read"):
        await PillowDecoder().decode("X", raw)


async def test_a_picture_of_too_many_pixels_is_past_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE_PIXELS", 5)
    with pytest.raises(MediaLimit, match="5 pixels"):
        await PillowDecoder().decode("X", encoded(Image.new("RGB", (3, 2))))
