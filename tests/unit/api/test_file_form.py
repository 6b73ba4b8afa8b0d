from collections.abc import AsyncIterator

import pytest

from gateway.api.rest.file_form import FileForm
from gateway.domain.files import NewFile
from gateway.errors import GatewayError, InvalidInput, Malformed, TooLarge
from gateway.limits import MAX_FILE_FIELD_BYTES, MAX_PART_HEADER_BYTES

KIND = "multipart/form-data; boundary=edge"
DATA = b"\x89PNG\r\n--edg\r\n\r\n" * 50


def part(name: str, data: bytes, filename: str | None = None, *headers: str) -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    lines = (f'Content-Disposition: form-data; name="{name}"{named}', *headers)
    return b"--edge\r\n" + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--edge--\r\n"


async def coming(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(body: bytes, size: int = 64, kind: str = KIND) -> tuple[bytes, NewFile]:
    """What a form holds, which comes in pieces of this size."""
    found = FileForm(coming(body, size), kind)
    data = b"".join([piece async for piece in found.pieces()])
    return data, found.about()


FILE = part("file", DATA, "größe.png", "Content-Type: image/png")
FIELDS = (part("purpose", b"p"), part("expires_after", b"60.5"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 4096])
@pytest.mark.parametrize("parts", [(FILE, *FIELDS), (*FIELDS, FILE), (FIELDS[0], FILE, FIELDS[1])])
async def test_the_fields_may_stand_before_the_file_and_behind_it(parts: tuple[bytes, ...], size: int) -> None:
    data, about = await read(form(*parts), size)
    assert data == DATA
    assert about == NewFile(filename="größe.png", declared="image/png", purpose="p", ttl=60.5)


@pytest.mark.parametrize("name", ["expiresAfter", "expires_after"])
async def test_both_ways_of_writing_the_time_are_read(name: str) -> None:
    assert (await read(form(FILE, part(name, b"0"))))[1].ttl == 0.0


async def test_a_file_alone_says_nothing_of_itself() -> None:
    assert await read(form(part("file", b""))) == (b"", NewFile())


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", Malformed),
        (b"no form", Malformed),
        (FILE, Malformed),
        (form(FILE)[:-8], Malformed),
        (form(), InvalidInput),
        (form(*FIELDS), InvalidInput),
        (form(FILE, FILE), InvalidInput),
        (form(FILE, FIELDS[0], FIELDS[0]), InvalidInput),
        (form(FILE, part("other", b"x")), InvalidInput),
        (form(FILE, part("purpose", b"\xff")), InvalidInput),
        (form(FILE, part("expiresAfter", b"soon")), InvalidInput),
        (form(part("file", b"x", "a", "X: " + "y" * MAX_PART_HEADER_BYTES)), TooLarge),
        (form(*[part("file", b"x", "a", *["X: y"] * 9)]), TooLarge),
    ],
)
async def test_what_is_not_the_form_of_a_file_is_refused(body: bytes, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        await read(body)


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"]
)
async def test_a_form_of_another_boundary_is_refused(kind: str) -> None:
    with pytest.raises(Malformed):
        await read(form(FILE), kind=kind)


@pytest.mark.parametrize(("size", "fits"), [(-1, True), (0, True), (1, False)])
async def test_a_field_is_as_large_as_it_may_be(size: int, fits: bool) -> None:
    body = form(FILE, part("purpose", b"x" * (MAX_FILE_FIELD_BYTES + size)))
    if fits:
        assert len((await read(body))[1].purpose or "") == MAX_FILE_FIELD_BYTES + size
        return
    with pytest.raises(TooLarge):
        await read(body)
