"""The type of media by its first bytes: known where they are known, and never an error of another kind."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.media_types import sniff, uploaded
from gateway.errors import InvalidInput, MediaUnsupported

#: How each known type begins.
BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"RIFF\x10\0\0\0WEBP": "image/webp",
    b"RIFF\x10\0\0\0WAVE": "audio/wav",
    b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0": "image/bmp",
    b"%PDF-1.7": "application/pdf",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic": "image/heic",
    b"\0\0\0\x14ftypisom\0\0\0\0mp42": "video/mp4",
    b"ID3\x04\0\0\0\0\0\0": "audio/mpeg",
    b"fLaC\0": "audio/flac",
    b"OggS\0": "audio/ogg",
}
BEGINNING = st.sampled_from(sorted(BEGINNINGS))
TAIL = st.binary(max_size=400)
DECLARED = st.none() | st.text(max_size=40) | st.sampled_from(["text/plain", "text/plain; charset=latin-1", "image/*"])
#: Bytes that begin as something known, as base64, or as nothing.
BODIES = st.one_of(
    TAIL,
    st.tuples(BEGINNING, TAIL).map(b"".join),
    st.tuples(BEGINNING, TAIL).map(b"".join).map(base64.b64encode),
    st.tuples(BEGINNING, TAIL, st.integers(0, 30)).map(lambda given: (given[0] + given[1])[given[2] :]),
    st.text(max_size=200).map(str.encode),
)


@given(BEGINNING, TAIL)
def test_a_known_beginning_tells_its_type_whatever_follows(beginning: bytes, tail: bytes) -> None:
    assert sniff(beginning + tail) == BEGINNINGS[beginning]
    assert uploaded(beginning + tail, None) == (beginning + tail, BEGINNINGS[beginning])


@given(BEGINNING, TAIL, st.sampled_from([b"", b"data:;base64,", b"data:image/png;base64,"]), st.integers(1, 90))
def test_known_media_come_out_of_base64_as_they_went_in(beginning: bytes, tail: bytes, head: bytes, width: int) -> None:
    text = base64.b64encode(beginning + tail)
    lines = b"\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    assert uploaded(head + text, None)[0] == beginning + tail
    assert uploaded(head + lines, None)[0] == beginning + tail


@given(st.binary(max_size=2000))
def test_no_bytes_are_too_strange_to_be_looked_at(data: bytes) -> None:
    assert sniff(data) is None or "/" in str(sniff(data))


@given(BODIES, DECLARED)
def test_an_upload_is_known_or_refused_as_empty_or_unsupported(body: bytes, declared: str | None) -> None:
    try:
        data, kind = uploaded(body, declared)
    except InvalidInput:
        assert body == b""
    except MediaUnsupported:
        assert sniff(body) is None
    else:
        assert data
        assert kind == sniff(data) or kind.startswith("text/plain")


@given(st.text(min_size=1, max_size=100), st.text(max_size=80))
def test_a_declared_charset_is_never_more_than_a_name(text: str, charset: str) -> None:
    body = text.encode()
    try:
        _, kind = uploaded(body, f"text/plain; charset={charset}")
    except MediaUnsupported:
        return
    assert kind.isascii()
    assert kind.isprintable()


def test_nothing_is_refused_as_nothing() -> None:
    with pytest.raises(InvalidInput):
        uploaded(b"", "text/plain")
