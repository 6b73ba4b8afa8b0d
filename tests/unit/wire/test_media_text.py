import base64

import pytest

from gateway.errors import InvalidInput
from gateway.wire.media import decode_media, not_empty

PAYLOADS = [b"a", b"ab", b"abc", bytes(range(256)), b"\xff\xd8\xff" * 1000]


def refusal(text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        decode_media(text, "media[3]")
    assert refused.value.field == "media[3]"
    return refused.value


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "data:;base64,", "DATA:Image/PNG;BASE64,"])
def test_base64_is_decoded_with_or_without_a_data_url_before_it(payload: bytes, prefix: str) -> None:
    assert decode_media(prefix + base64.b64encode(payload).decode(), "media[0]") == payload


def test_a_data_url_may_have_parameters() -> None:
    assert decode_media("data:text/plain;charset=utf-8;base64,YQ==", "media[0]") == b"a"


@pytest.mark.parametrize("text", ["YWJj\nZGVm", "YWJj\r\nZGVm\r\n", " YWJjZGVm", "YW Jj\tZGVm", "\nYWJjZGVm\n"])
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_line_breaks_and_spaces_inside_base64_are_let_pass(text: str, prefix: str) -> None:
    assert decode_media(prefix + text, "media[0]") == b"abcdef"


def test_lines_as_mail_programs_write_them_are_decoded() -> None:
    payload = bytes(range(256)) * 4
    assert decode_media(base64.encodebytes(payload).decode(), "media[0]") == payload


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("!AAA", 0),
        ("AAA!", 3),
        ("AAAA-AAA", 4),
        ("AAAA_AAA", 4),
        ("AA\nA\u00e9", 4),
        ("AAAA\nAAAA\n*AAA", 10),
        ("\U0001f600AAA", 0),
        ("data:image/png;base64,AAA!", 25),
        ("data:;base64,\n!AAA", 14),
    ],
)
def test_bad_base64_is_refused_with_the_offset_of_its_first_wrong_character(text: str, offset: int) -> None:
    message = f"The media is not base64: a character outside its alphabet at offset {offset}."
    assert refusal(text).message == message


@pytest.mark.parametrize(("text", "offset"), [("QQ==QQ==", 2), ("=AAA", 0), ("AA=\nA", 2), ("data:;base64,QQ==Q", 15)])
def test_padding_in_the_middle_is_refused_with_its_offset(text: str, offset: int) -> None:
    assert refusal(text).message == f"The media is not base64: padding in the middle at offset {offset}."


@pytest.mark.parametrize("text", ["Q", "QQ", "QQ=", "QUJD=", "QUJDQ", "====", "data:;base64,QQ"])
def test_base64_that_is_cut_off_is_refused_with_the_offset_of_its_end(text: str) -> None:
    message = f"The media is not base64: it is cut off or wrongly padded at its end, offset {len(text)}."
    assert refusal(text).message == message


@pytest.mark.parametrize("text", ["", "\n \t", "data:image/png;base64,", "data:image/png;base64,\r\n"])
def test_empty_media_are_refused(text: str) -> None:
    assert refusal(text).message == "The media is empty."


@pytest.mark.parametrize(
    "text", ["data:", "data:,words", "data:text/plain,YQ==", "data:base64,YQ==", f"data:{'x' * 300},"]
)
def test_a_data_url_that_holds_no_base64_is_refused(text: str) -> None:
    assert "data URL" in refusal(text).message


def test_no_refusal_repeats_what_was_given() -> None:
    assert "secret" not in refusal("secret!secret").message


def test_raw_media_are_kept_as_they_came() -> None:
    payload = b"\x00raw"
    assert not_empty(payload, "media[0]") is payload
    with pytest.raises(InvalidInput, match="empty"):
        not_empty(b"", "media[0]")


@pytest.mark.parametrize(("text", "offset"), [("AAAA\u00a0AAAA", 4), ("AAAA\x0bAAAA", 4), ("QQ=!", 3)])
def test_odd_spaces_and_what_follows_padding_are_named_by_their_own_offset(text: str, offset: int) -> None:
    assert refusal(text).message == f"The media is not base64: a character outside its alphabet at offset {offset}."
