"""Small whole media of every type that the gateway reads, to be mutated."""

import io
from collections.abc import Iterator, Mapping
from functools import cache

from PIL import Image, ImageDraw

_SIZE = (61, 37)


@cache
def seeds() -> Mapping[str, bytes]:
    """The media by name; the part before the dash is the type."""
    return dict(_made())


def _made() -> Iterator[tuple[str, bytes]]:
    picture, other = _picture("invoice"), _picture("2026")
    turned = Image.Exif()
    turned[0x0112] = 6
    yield "jpeg-turned", _saved(picture, "JPEG", exif=turned)
    yield "jpeg-progressive", _saved(picture, "JPEG", progressive=True)
    yield "jpeg-cmyk", _saved(picture.convert("CMYK"), "JPEG")
    yield "png-rgb", _saved(picture, "PNG")
    yield "png-palette", _saved(picture.convert("P"), "PNG", transparency=0)
    yield "png-deep", _saved(picture.convert("I;16"), "PNG")
    yield "gif-moving", _saved(picture, "GIF", save_all=True, append_images=[other])
    yield "webp-lossy", _saved(picture, "WEBP")
    yield "webp-lossless", _saved(picture, "WEBP", lossless=True)
    yield "bmp-rgb", _saved(picture, "BMP")
    yield "bmp-palette", _saved(picture.convert("P"), "BMP")
    for packing in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        yield f"tiff-{packing}", _saved(picture, "TIFF", compression=packing, save_all=True, append_images=[other])
    yield "tiff-fax", _saved(picture.convert("1"), "TIFF", compression="group4")
    yield "pdf-pictures", _saved(picture, "PDF", save_all=True, append_images=[other])
    yield "pdf-text", _PDF


def _picture(words: str) -> Image.Image:
    picture = Image.new("RGB", _SIZE, (250, 250, 240))
    ImageDraw.Draw(picture).text((6, 10), words, fill=(10, 20, 30))
    return picture


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


_PDF = b"""%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R 5 0 R] /Count 2 >> endobj
3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 120 60] /Rotate 90 /Contents 4 0 R
  /Resources << /Font << /F 6 0 R >> >> >> endobj
4 0 obj << /Length 41 >> stream
BT /F 12 Tf 10 20 Td (Invoice 17) Tj ET
endstream endobj
5 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 80 40] /Contents 4 0 R /Resources << /Font << /F 6 0 R >> >> >>
endobj
6 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj
trailer << /Root 1 0 R /Size 7 >>
%%EOF
"""
