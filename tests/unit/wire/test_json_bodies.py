import msgspec
import pytest

from gateway.errors import InvalidInput, Malformed
from gateway.wire.json import decode


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    count: int = 0


class Body(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    inner: Inner | None = None
    items: list[Inner] | None = None


DECODER = msgspec.json.Decoder(Body)


@pytest.mark.parametrize("body", [b'{"name":"a","inner":{"count":2}}', bytearray(b'{"name":"a","inner":{"count":2}}')])
def test_a_body_becomes_its_struct(body: bytes) -> None:
    assert decode(body, DECODER) == Body("a", Inner(2))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"name":',
        b'{"name":"a"} x',
        b"name=a",
        b'{"name":"\xff"}',
        b'{"name":"\\ud800"}',
        b"{'name':1}",
    ],
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"^The body is not JSON( \(byte \d+\))?\.$"):
        decode(body, DECODER)


def test_where_json_ends_wrongly_is_said() -> None:
    with pytest.raises(Malformed, match=r"\(byte 8\)"):
        decode(b'{"name":bad}', DECODER)


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        (b"[]", "Expected `object`, got `array`.", None),
        (b'{"name":5}', "Expected `str`, got `int`.", "name"),
        (b'{"inner":{"count":"secret"}}', "Expected `int`, got `str`.", "inner.count"),
        (b'{"items":[{},{"count":1.5}]}', "Expected `int`, got `float`.", "items[1].count"),
    ],
)
def test_a_field_of_another_type_is_refused_by_its_path(body: bytes, message: str, field: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(body, DECODER)
    assert (refused.value.message, refused.value.field) == (message, field)


@pytest.mark.parametrize(
    ("name", "field"),
    [("nmae", "nmae"), ("a.b_c-9", "a.b_c-9"), ("x" * 64, "x" * 64), ("x" * 65, None), ("größe", None), ("a b", None)],
)
def test_an_unknown_field_is_named_only_if_its_name_is_harmless(name: str, field: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(msgspec.json.encode({name: 1}), DECODER)
    assert (refused.value.message, refused.value.field) == ("The body has a field that there is not.", field)
