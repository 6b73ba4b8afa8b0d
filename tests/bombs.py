"""Small files that claim, or become, a great deal more than they are."""

import io
import struct
import zipfile
import zlib

from PIL import Image

from documents import encoded, word


def png(width: int, height: int, whole: bool = False) -> bytes:
    """A PNG whose header says this many pixels; `whole`: they are all there, and all black."""
    rows = zlib.compress(b"\0" * ((width * 3 + 1) * height) if whole else b"\0" * 1000, 9)
    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(body)) + name + body + struct.pack("!I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    )


def tiff(width: int, height: int, frames: int = 1) -> bytes:
    """A TIFF of so many frames, each of which claims this many pixels and holds none."""
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    entries += [(278, 4, height), (279, 4, 8)]
    size = 2 + 12 * len(entries) + 4
    whole = b"II*\0" + struct.pack("<I", 8)
    for number in range(frames):
        behind = 0 if number == frames - 1 else 8 + size * (number + 1)
        fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
        whole += struct.pack("<H", len(entries)) + fields + struct.pack("<I", behind)
    return whole


def circular_tiff() -> bytes:
    """A TIFF whose only frame says that it is followed by itself."""
    whole = tiff(4, 4)
    return whole[:-4] + struct.pack("<I", 8)


def pdf(objects: list[bytes], claimed_pages: int = 1, size: int = 14_400) -> bytes:
    """A PDF of one page of this size in points, whose content is the first of the objects, a stream; the rest follow.

    The second object is `/X` in the resources of the page.
    """
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>"
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count %d>>" % claimed_pages,
        page % (size, size),
        *objects,
    ]
    whole, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(whole))
        whole += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % each for each in places)
    at = len(whole)
    count = len(bodies) + 1
    return (
        whole
        + b"xref\n0 %d\n0000000000 65535 f \n" % count
        + table
        + (b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, at))
    )


def stream(words: bytes, body: bytes, packed: bool = False) -> bytes:
    """A stream of a PDF: what stands in its dictionary, and what it holds."""
    data = zlib.compress(body, 9) if packed else body
    words += b"/Filter/FlateDecode" if packed else b""
    return b"<<%s/Length %d>>stream\n" % (words, len(data)) + data + b"\nendstream"


def picture_pdf(width: int, height: int, size: int = 14_400) -> bytes:
    """A PDF with one image that claims to be this large, drawn over the whole page."""
    image = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8" % (width, height)
    drawn = stream(b"", b"%d 0 0 %d 0 0 cm /X Do" % (size, size))
    return pdf([drawn, stream(image, bytes(1_000_000), packed=True)], size=size)


def nested_pdf(depth: int, width: int) -> bytes:
    """A PDF whose forms each draw the next one so many times: `width` to the power of `depth` in all."""
    forms = []
    for number in range(depth):
        following = b"/Resources<</XObject<</X %d 0 R>>>>" % (6 + number) if number < depth - 1 else b""
        drawn = b"/X Do " * width if number < depth - 1 else b"0 0 10 10 re f "
        forms.append(stream(b"/Type/XObject/Subtype/Form/BBox[0 0 600 600]" + following, drawn))
    return pdf([stream(b"", b"/X Do " * width), *forms], size=600)


def archive(words: int, kind: bytes = b"word/document.xml") -> bytes:
    """A DOCX with a document of so many bytes, all alike."""
    buffer = io.BytesIO(word("x"))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(kind.decode() + "2", b"a" * words)
    return buffer.getvalue()


def crowd(entries: int) -> bytes:
    """A DOCX of so many more files."""
    buffer = io.BytesIO(word("x"))
    with zipfile.ZipFile(buffer, "a") as file:
        for number in range(entries):
            file.writestr(f"word/{number}", b"")
    return buffer.getvalue()


def laughs() -> bytes:
    """A DOCX whose document is made of entities of entities."""
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    body = f'<!DOCTYPE x [<!ENTITY l0 "ha">{lines}]><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&l11;</w:t></w:r></w:p></w:body></w:document>'
    source, buffer = zipfile.ZipFile(io.BytesIO(word("x"))), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in source.namelist():
            file.writestr(name, body if name == "word/document.xml" else source.read(name))
    return buffer.getvalue()


def noise(width: int, height: int, kind: str, **options: object) -> bytes:
    """An image that no one can pack."""
    return encoded(Image.effect_noise((width, height), 90).convert("RGB"), kind, **options)


def long_pdf(length: int) -> bytes:
    """A PDF page with so many bytes of commands that draw nothing."""
    return pdf([stream(b"", b"0 0 m " * (length // 6), packed=True)], size=600)
