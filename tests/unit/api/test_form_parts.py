"""Forms read while they come: the same parts however they are cut, within their limits."""

import httpx
import pytest

from gateway.api.rest.form_parts import multipart_parts, url_encoded_parts
from gateway.errors import GatewayError, InvalidInput, Malformed, TooLarge
from gateway.limits import MAX_FORM_PARTS, MAX_PART_HEADER_BYTES, MAX_PART_HEADERS
from gateway.wire.forms import Part

KIND = "multipart/form-data; boundary=cut"


class FakeRequest:
    """A request whose body comes in pieces of this size."""

    def __init__(self, body: bytes, size: int):
        self._pieces = [body[start : start + size] for start in range(0, len(body), size)]

    async def stream(self):  # type: ignore[no-untyped-def]  # as Litestar's own
        for piece in self._pieces:
            yield piece
        yield b""


async def parts_of(body: bytes, kind: str = KIND, size: int = 1 << 16) -> list[Part]:
    return await multipart_parts(FakeRequest(body, size), kind)  # type: ignore[arg-type]


async def refused(body: bytes, kind: str = KIND) -> type[GatewayError]:
    with pytest.raises(GatewayError) as failure:
        await parts_of(body, kind)
    return type(failure.value)


def part(content: bytes, *headers: bytes) -> bytes:
    lines = (b"--cut", b'Content-Disposition: form-data; name="a"', *headers, b"", content)
    return b"\r\n".join(lines) + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join((*parts, b"--cut--\r\n"))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64, 1 << 16])
async def test_the_parts_are_the_same_however_the_body_is_cut(size: int) -> None:
    odd = b"\r\n--cu\r\n-\r\n--\r\n--cutter\r" * 3
    files = [("file", ("größe.png", odd, "image/png")), ("b", ("", b"", "text/plain")), ("c", (None, "\r\n"))]
    sent = httpx.Request("POST", "http://a/", files=files)
    body = sent.read()
    found = await parts_of(body, sent.headers["content-type"], size)
    assert [(each.name, each.data, each.filename) for each in found] == [
        ("file", odd, "größe.png"),
        ("b", b"", None),
        ("c", b"\r\n", None),
    ]
    assert found[0].content_type == "image/png"


@pytest.mark.parametrize("count", [0, 1, MAX_FORM_PARTS - 1, MAX_FORM_PARTS])
async def test_as_many_parts_as_there_may_be_are_taken(count: int) -> None:
    assert len(await parts_of(form(*[part(b"x")] * count))) == count


async def test_one_part_more_is_too_large() -> None:
    assert await refused(form(*[part(b"x")] * (MAX_FORM_PARTS + 1))) is TooLarge


@pytest.mark.parametrize(("more", "fits"), [(-2, True), (-1, True), (0, False)])
async def test_headers_of_a_part_are_counted(more: int, fits: bool) -> None:
    headers = [b"X-%d: y" % number for number in range(MAX_PART_HEADERS + more)]
    body = form(part(b"x", *headers))
    assert len(await parts_of(body)) == 1 if fits else await refused(body) is TooLarge


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)])
async def test_a_header_of_a_part_is_measured(more: int, fits: bool) -> None:
    body = form(part(b"x", b"X: " + b"y" * (MAX_PART_HEADER_BYTES - len(b"X: ") + more)))
    assert len(await parts_of(body)) == 1 if fits else await refused(body) is TooLarge


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b"]
)
async def test_a_form_that_its_boundary_does_not_fit_is_malformed(kind: str) -> None:
    assert await refused(form(part(b"x")), kind) is Malformed


def test_fields_of_a_url_encoded_form_stand_in_their_order() -> None:
    found = url_encoded_parts(b"a=1&b=%C3%A4+c&a=&d")
    assert [(each.name, each.text()) for each in found] == [("a", "1"), ("b", "ä c"), ("a", ""), ("d", "")]


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff=1", b"a=1&" * MAX_FORM_PARTS + b"a=1"])
def test_a_url_encoded_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        url_encoded_parts(body)
