import base64
import io
import wave
import zipfile

import pytest
from PIL import Image

from gateway.domain.media_types import sniff, uploaded
from gateway.errors import InvalidInput, MediaUnsupported

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def picture(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 40).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def archive(*names: str, content: bytes = b"words") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content)
    return buffer.getvalue()


def sound() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(100))
    return buffer.getvalue()


def iso_media(major: bytes, *compatible: bytes) -> bytes:
    brands = major + bytes(4) + b"".join(compatible)
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\0\x08free"


#: MPEG 1 layer III of 128 kbit/s at 44.1 kHz: 417 bytes a frame.
FRAME = b"\xff\xfb\x90\x64".ljust(417, b"\0")
PNG = picture("PNG")

KNOWN = [
    (PNG, "image/png"),
    (picture("JPEG"), "image/jpeg"),
    (picture("GIF"), "image/gif"),
    (picture("WEBP"), "image/webp"),
    (picture("TIFF"), "image/tiff"),
    (picture("TIFF", big_tiff=True), "image/tiff"),
    (b"MM\0*\0\0\0\x08", "image/tiff"),
    (picture("BMP"), "image/bmp"),
    (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20), "image/jp2"),
    (iso_media(b"heic", b"mif1", b"heic"), "image/heic"),
    (iso_media(b"mif1", b"mif1", b"heic"), "image/heic"),
    (iso_media(b"mif1", b"miaf"), "image/heif"),
    (iso_media(b"avif", b"mif1", b"miaf"), "image/avif"),
    (iso_media(b"isom", b"isom", b"avc1"), "video/mp4"),
    (iso_media(b"XXXX", b"mp42"), "video/mp4"),
    (iso_media(b"M4A ", b"mp42", b"isom"), "audio/mp4"),
    (iso_media(b"qt  "), "video/quicktime"),
    (b"%PDF-1.7\n", "application/pdf"),
    (b"\xef\xbb\xbf\r\n%PDF-1.4\n", "application/pdf"),
    (archive("readme.txt"), "application/zip"),
    (archive("[Content_Types].xml", "_rels/.rels", "word/document.xml"), WORD),
    (archive("[Content_Types].xml", "xl/workbook.xml"), SHEET),
    (archive("_rels/.rels", "ppt/presentation.xml"), SLIDES),
    (sound(), "audio/wav"),
    (b"ID3\x04\0\0\0\0\x01\x7f" + bytes(20), "audio/mpeg"),
    (FRAME * 2, "audio/mpeg"),
    (b"fLaC\0\0\0\x22", "audio/flac"),
    (b"fLaC\x80\0\0\x22", "audio/flac"),
    (b"OggS\0\x02", "audio/ogg"),
]


@pytest.mark.parametrize(("data", "kind"), KNOWN, ids=lambda value: value if isinstance(value, str) else "")
def test_known_media_are_told_by_their_first_bytes(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"B",
        b"BM",
        b"BMW builds cars, and has done so for long.",
        b"ID3 is a tag.",
        b"MM. And so on.",
        b"RIFF\0\0\0\0AVI LIST",
        b"\xff\xfe" + "a text".encode("utf-16-le") * 100,
        b"\xff\xf1\x50\x80" * 300,
        FRAME,
        FRAME + b"noise",
        b"\xff\xfb\xf0\0" * 500,
        b"\xff\xfb\x9c\0" * 500,
        b"\0\0\0\x0cftypnope",
        b"\0\0\0\0ftypisom",
        b"the file begins with %PDF- they say",
        b"words",
        b"{}",
        bytes(100),
    ],
)
def test_what_only_looks_like_media_is_not_told(data: bytes) -> None:
    assert sniff(data) is None


def test_a_large_office_document_is_told_by_the_names_at_its_end() -> None:
    noise = Image.effect_noise((512, 512), 90).tobytes()
    data = archive("[Content_Types].xml", "word/media/image1.bmp", "word/document.xml", content=noise)
    assert data.find(b"word/document.xml") > 64 * 1024
    assert sniff(data) == WORD


def test_an_archive_of_office_documents_is_an_archive() -> None:
    inner = archive("[Content_Types].xml", "word/document.xml").decode("latin-1")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr("letter.docx", inner.encode("latin-1"))
    assert sniff(buffer.getvalue()) == "application/zip"


@pytest.mark.parametrize("declared", [None, "image/jpeg", "text/plain", "application/octet-stream"])
def test_known_media_are_taken_as_they_came_whatever_they_are_declared_as(declared: str | None) -> None:
    data, kind = uploaded(PNG, declared)
    assert data is PNG
    assert kind == "image/png"


@pytest.mark.parametrize(
    ("data", "kind"),
    [pair for pair in KNOWN if len(pair[0]) > 8],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("prefix", [b"", b"data:image/png;base64,", b"DATA:;name=x;Base64,"])
def test_base64_of_known_media_is_decoded(data: bytes, kind: str, prefix: bytes) -> None:
    assert uploaded(prefix + base64.b64encode(data), "text/plain") == (data, kind)


@pytest.mark.parametrize(
    "text", [base64.encodebytes(PNG), base64.b64encode(PNG) + b"\r\n", b"\n" + base64.b64encode(PNG)]
)
@pytest.mark.parametrize("prefix", [b"", b"data:image/png;base64,"])
def test_line_breaks_inside_base64_are_let_pass(text: bytes, prefix: bytes) -> None:
    assert uploaded(prefix + text, "image/png") == (PNG, "image/png")


def test_base64_that_is_longer_than_the_look_at_its_beginning_is_decoded_whole() -> None:
    large = PNG + bytes(range(256)) * 4096
    assert uploaded(base64.b64encode(large), None) == (large, "image/png")
    assert uploaded(base64.encodebytes(large), None) == (large, "image/png")


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("text/plain", "text/plain"),
        ("Text/Plain; charset=UTF-8", "text/plain; charset=utf-8"),
        ('text/plain;format=flowed; charset="iso-8859-1"', "text/plain; charset=iso-8859-1"),
        ("text/plain; charset=<b>", "text/plain"),
    ],
)
def test_text_is_taken_where_it_is_declared(declared: str, kind: str) -> None:
    assert uploaded(b"Dear all,\n", declared) == (b"Dear all,\n", kind)


@pytest.mark.parametrize(
    "body",
    [
        base64.b64encode(b"just words, not media"),
        base64.b64encode(PNG)[:-3],
        base64.b64encode(PNG) + b"!",
        base64.b64encode(PNG)[:200] + b"-_" + base64.b64encode(PNG)[202:],
        b"data:image/png;base64,",
        b"data:image/png," + base64.b64encode(PNG),
        b"\xff\x00 noise \xfe",
        b"QQ",
        b" \n",
    ],
)
def test_what_is_neither_known_nor_strict_base64_is_text_if_declared_so_and_refused_else(body: bytes) -> None:
    assert uploaded(body, "text/plain") == (body, "text/plain")
    for declared in (None, "image/png", "application/json", "text/plainer", "text/html"):
        with pytest.raises(MediaUnsupported, match="no type that the gateway knows"):
            uploaded(body, declared)


@pytest.mark.parametrize("declared", [None, "text/plain", "image/png"])
def test_nothing_is_refused_as_empty(declared: str | None) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        uploaded(b"", declared)


def test_no_refusal_repeats_what_was_sent_or_declared() -> None:
    with pytest.raises(MediaUnsupported) as refused:
        uploaded(b"secret words", "secret/type")
    assert "secret" not in refused.value.message
