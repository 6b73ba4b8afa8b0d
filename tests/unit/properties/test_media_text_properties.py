"""Base64 and data URLs: what decodes is what was encoded, and what does not is refused at a place in the text."""

import base64
import binascii
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.errors import InvalidInput
from gateway.wire.media import decode_media

SPACE = st.text(" \t\r\n", max_size=4)
HEADS = st.sampled_from(["", "data:;base64,", "data:image/png;base64,", "DATA:text/plain;charset=utf-8;BASE64,"])
#: Texts that are nearly base64: its alphabet, its padding, what stands around it, and what does not belong there.
NEARLY = st.text(st.sampled_from("AQgw+/=,:;- \n\r\tdata\0\x7fé\u2028"), max_size=40)


def refused_at(text: str) -> int | None:
    """The place in a text at which it is refused, where the refusal names one; None where it is taken."""
    with pytest.raises(InvalidInput) as refused:
        decode_media(text, "media[0]")
    assert refused.value.field == "media[0]"
    found = re.search(r"offset (\d+)", refused.value.message)
    return int(found[1]) if found else None


def strictly(text: str) -> bytes | None:
    """What the standard library makes of it, by its strictest rule."""
    try:
        return binascii.a2b_base64(re.sub(r"[ \t\r\n]", "", text).encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


@given(st.binary(min_size=1, max_size=300), HEADS, st.data())
def test_what_was_encoded_comes_back_with_or_without_breaks(data: bytes, head: str, drawn: st.DataObject) -> None:
    text = base64.b64encode(data).decode()
    assert decode_media(head + text, "media[0]") == data
    cut = drawn.draw(st.integers(0, len(text)))
    assert decode_media(head + text[:cut] + drawn.draw(SPACE) + text[cut:] + drawn.draw(SPACE), "media[0]") == data


@given(NEARLY, HEADS)
@example("AB==", "")
@example("AA=A", "")
@example("====", "")
@example("A", "data:;base64,")
def test_a_text_is_taken_exactly_where_the_standard_library_takes_it(text: str, head: str) -> None:
    assume(head or text[:5].lower() != "data:")
    wanted = strictly(text)
    if wanted:
        assert decode_media(head + text, "media[0]") == wanted
    else:
        place = refused_at(head + text)
        assert place is None or len(head) <= place <= len(head + text)


@given(st.binary(min_size=1, max_size=120), st.data())
def test_one_wrong_character_is_refused_at_its_own_place(data: bytes, drawn: st.DataObject) -> None:
    text = base64.b64encode(data).decode().rstrip("=")
    at = drawn.draw(st.integers(0, len(text) - 1))
    wrong = drawn.draw(st.characters(exclude_characters="+/= \t\r\n", exclude_categories=["Cs"]))
    assume(not re.fullmatch("[A-Za-z0-9]", wrong))
    changed = text[:at] + wrong + text[at + 1 :]
    assert refused_at(changed) == at
    assert refused_at("data:;base64," + changed) == at + len("data:;base64,")


@given(st.text(max_size=300))
@example("data:")
@example("data:,")
@example("data:;base64")
@example("data:;base64,")
@example("data:" + "x" * 300 + ";base64,AAAA")
def test_any_text_is_media_or_is_refused(text: str) -> None:
    try:
        assert decode_media(text, "media[0]")
    except InvalidInput as refused:
        assert refused.field == "media[0]"
