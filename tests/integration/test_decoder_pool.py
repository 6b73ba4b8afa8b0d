"""Media in real children: what is read of each type, the limits, and what becomes of children that die."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Any

import psutil
import pytest
from PIL import Image

import bombs
from documents import encoded, page, pdf, slides, tiff, word
from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.pool import DecoderPool
from gateway.domain.conversion import PDF, SLIDES, TIFF, WORD, Shape
from gateway.errors import Draining, MediaLimit, MediaRefused, MediaUnreadable, Overloaded
from gateway.limits import MIB

#: Seconds after which a test that should have ended long ago is given up.
PATIENCE = 60.0
MARKED = "Grüße"
ORPHAN = """
import asyncio, sys, uvloop
from gateway.adapters.rendering.pool import DecoderPool

async def main():
    pool = DecoderPool(children=1, timeout=600)
    async with pool.opened(open(sys.argv[1], "rb").read(), "application/pdf") as media:
        await media.describe()
        print(*pool.pids(), flush=True)
        await media.page(0)

uvloop.run(main())
"""
#: It takes more time than any test has, and less memory than a child has.
ENDLESS = bombs.nested_pdf(40, 3)
Started = Callable[..., DecoderPool]


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[DecoderPool]:
    """The pool as the gateway has it."""
    pool = DecoderPool()
    yield pool
    await pool.close()


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    """Pools of one's own."""
    pools: list[DecoderPool] = []

    def start(**limits: Any) -> DecoderPool:
        pools.append(DecoderPool(**limits))
        return pools[-1]

    yield start
    for each in pools:
        await each.close()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


async def described(pool: DecoderPool, data: bytes, kind: str) -> Shape:
    async with pool.opened(data, kind) as media:
        return await media.describe()


async def size(pool: DecoderPool, data: bytes, kind: str, number: int = 0) -> tuple[int, int]:
    async with pool.opened(data, kind) as media:
        return Image.open(io.BytesIO(await media.page(number))).size


async def text(pool: DecoderPool, data: bytes, kind: str, *pages: int) -> str:
    async with pool.opened(data, kind) as media:
        return await media.text(pages)


def entries(data: bytes) -> list[zipfile.ZipInfo]:
    """The files of an archive."""
    return zipfile.ZipFile(io.BytesIO(data)).infolist()


def words_pdf(*pages: bytes) -> bytes:
    """A PDF of one page, or of none, with these lines as text."""
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    lines = b"".join(b"BT /F 12 Tf 20 %d Td (%s) Tj ET " % (180 - 20 * at, line) for at, line in enumerate(pages))
    made = bombs.pdf([bombs.stream(b"", lines), font], size=200)
    return made.replace(b"/XObject<</X 5 0 R>>", b"/Font<</F 5 0 R>>   ")


async def test_pages_of_a_pdf_are_rendered_at_the_usual_resolution(pool: DecoderPool) -> None:
    data = pdf(["one", "two"], dpi=72)
    assert await described(pool, data, PDF) == Shape(2)
    width, height = await size(pool, data, PDF, 1)
    assert abs(width - 420 * 200 / 72) < 2
    assert abs(height - 90 * 200 / 72) < 2


async def test_frames_of_a_tiff_are_pages(pool: DecoderPool) -> None:
    assert await described(pool, tiff(["one", "two", "three"]), TIFF) == Shape(3, 420, 90)
    assert await size(pool, tiff(["one", "two", "three"]), TIFF, 2) == (420, 90)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
async def test_images_become_pixels(pool: DecoderPool, kind: str) -> None:
    async with pool.opened(encoded(page("x"), kind), f"image/{kind.lower()}") as media:
        value = await media.pixels("X", 0)
    assert (value.name, value.datatype, value.shape, value.size) == ("X", "UINT8", (90, 420, 3), 90 * 420 * 3)
    assert bytes(value.data[:3]) == b"\xff\xff\xff"


async def test_pages_of_a_pdf_become_pixels(pool: DecoderPool) -> None:
    async with pool.opened(pdf(["one"]), PDF) as media:
        value = await media.pixels("X", 0)
    assert value.shape[2] == 3
    assert value.size == value.elements


async def test_many_pages_at_once_are_each_the_right_one(pool: DecoderPool) -> None:
    shades = [Image.new("RGB", (20, 20), (shade, 0, 0)) for shade in range(0, 200, 10)]
    data = encoded(shades[0], "TIFF", save_all=True, append_images=shades[1:])
    async with pool.opened(data, TIFF) as media:
        values = await asyncio.gather(*(media.pixels("X", number) for number in range(20)))
    assert [value.data[0] for value in values] == [*range(0, 200, 10)]


async def test_text_of_a_word_document_comes_in_its_order(pool: DecoderPool) -> None:
    assert await text(pool, word("first", MARKED, ""), WORD) == f"first\n{MARKED}\n\nleft\tright"


async def test_text_of_slides_comes_in_their_order(pool: DecoderPool) -> None:
    assert await text(pool, slides("first", MARKED), SLIDES) == f"first\n{MARKED}"


async def test_text_of_a_pdf_is_that_of_the_pages_asked_for(pool: DecoderPool) -> None:
    assert await text(pool, words_pdf(b"Dear all", b"goodbye"), PDF) == "Dear all\ngoodbye"
    assert await text(pool, pdf(["a picture"]), PDF) == ""


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"%PDF-1.7\nwords", PDF), (pdf(["x"])[:300], PDF), (bombs.pdf([bombs.stream(b"", b"")]).replace(b"/Kids[3 0 R]",
     b"/Kids[9 0 R]"), PDF), (b"PK\3\4words", WORD), (word("x"), SLIDES), (b"II*\0", TIFF), (b"words", "")],
    ids=range(7),
)  # fmt: skip
async def test_what_is_damaged_is_unreadable(pool: DecoderPool, data: bytes, kind: str) -> None:
    for wanted in (size, text):
        with pytest.raises(MediaUnreadable) as refused:
            await wanted(pool, data, kind)
        assert "words" not in refused.value.message
        assert "/proc" not in refused.value.message


@pytest.mark.parametrize(("less", "fits"), [(1, False), (0, True), (-1, True)])
async def test_text_is_as_long_as_the_limit_says(started: Started, less: int, fits: bool) -> None:
    for data, kind, whole in ((word("words"), WORD, "words\nleft\tright"), (words_pdf(b"words"), PDF, "words")):
        pool = started(bounds=Bounds(text_characters=len(whole) - less))
        if fits:
            assert await text(pool, data, kind) == whole
        else:
            with pytest.raises(MediaLimit, match="more text"):
                await text(pool, data, kind)


@pytest.mark.parametrize(("less", "fits"), [(1, False), (0, True), (-1, True)])
async def test_an_office_document_unpacks_to_as_much_as_the_limits_say(started: Started, less: int, fits: bool) -> None:
    data = word("words")
    unpacked = sum(each.file_size for each in entries(data))
    for bounds in (Bounds(zip_entries=len(entries(data)) - less), Bounds(unzipped_bytes=unpacked - less)):
        pool = started(bounds=bounds)
        if fits:
            assert (await text(pool, data, WORD)).startswith("words")
        else:
            with pytest.raises(MediaLimit):
                await text(pool, data, WORD)


@pytest.mark.parametrize(("more", "fits"), [(-1, False), (0, True), (1, True)])
async def test_an_office_document_is_packed_as_tightly_as_the_limit_says(
    started: Started, more: int, fits: bool
) -> None:
    data = bombs.archive(8 * MIB)
    ratio = -(-sum(each.file_size for each in entries(data)) // len(data))
    pool = started(bounds=Bounds(zip_ratio=ratio + more))
    if fits:
        assert (await text(pool, data, WORD)).startswith("x")
    else:
        with pytest.raises(MediaLimit, match="unpacked"):
            await text(pool, data, WORD)


async def test_a_large_page_gets_fewer_dots_and_one_that_gets_too_few_is_refused(started: Started) -> None:
    pool = started(bounds=Bounds(page_pixels=10_000, page_dpi=72, least_dpi=36))
    for points, side in ((99, 99), (100, 100), (101, 100), (198, 100)):
        width, height = await size(pool, bombs.pdf([bombs.stream(b"", b"")], size=points), PDF)
        assert width == height
        assert side - 1 <= width <= side
    with pytest.raises(MediaLimit, match="36 dots"):
        await size(pool, bombs.pdf([bombs.stream(b"", b"")], size=201), PDF)


@pytest.mark.parametrize(("pixels", "fits"), [(11, False), (12, True), (13, True)])
async def test_an_image_of_a_page_takes_as_many_bytes_as_the_limit_says(
    started: Started, pixels: int, fits: bool
) -> None:
    pool = started(bounds=Bounds(image_pixels=pixels))
    data = bombs.picture_pdf(4, 4, size=100)
    if fits:
        assert await size(pool, data, PDF) == (278, 278)
    else:
        with pytest.raises(MediaLimit, match="44 bytes"):
            await size(pool, data, PDF)


async def test_a_media_that_takes_too_long_is_past_the_limit_while_another_is_read(started: Started) -> None:
    # Room enough that its time is over first, on however fast a machine.
    pool = started(timeout=2.0, memory=8 * 1024 * MIB)
    async with asyncio.timeout(PATIENCE):
        doomed = asyncio.create_task(size(pool, ENDLESS, PDF))
        assert await size(pool, encoded(page("x"), "PNG"), "image/png") == (420, 90)
        with pytest.raises(MediaLimit, match="more time"):
            await doomed


async def test_a_media_that_takes_too_much_memory_is_past_the_limit(started: Started) -> None:
    pool = started(children=1, memory=200 * MIB)
    with pytest.raises(MediaLimit, match="more memory"):
        await size(pool, bombs.png(7999, 7999, whole=True), "image/png")
    assert await size(pool, encoded(page("x"), "PNG"), "image/png") == (420, 90)


@pytest.mark.parametrize("crash", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
async def test_a_decoder_that_crashes_makes_one_media_unreadable_and_nobody_else_notices(
    started: Started, crash: signal.Signals
) -> None:
    pool = started(children=1, timeout=600)
    async with pool.opened(ENDLESS, PDF) as media:
        await media.describe()
        (pid,) = pool.pids()
        rendering = asyncio.create_task(media.page(0))
        waiting = [asyncio.create_task(size(pool, pdf([str(number)]), PDF)) for number in range(3)]
        await eventually(lambda: psutil.Process(pid).cpu_times().user > 0.3)
        os.kill(pid, crash)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(MediaUnreadable, match="broke on it"):
                await rendering
            assert len(await asyncio.gather(*waiting)) == 3


async def test_a_decoder_that_the_machine_kills_says_nothing_about_the_media(started: Started) -> None:
    pool = started(children=1, timeout=600)
    async with pool.opened(ENDLESS, PDF) as media:
        await media.describe()
        (pid,) = pool.pids()
        rendering = asyncio.create_task(media.page(0))
        await eventually(lambda: psutil.Process(pid).cpu_times().user > 0.3)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Overloaded):
            await rendering


async def test_a_large_media_comes_through_whole(pool: DecoderPool) -> None:
    data = bombs.noise(2000, 1500, "BMP")
    async with pool.opened(data, "image/bmp") as media:
        value = await media.pixels("X", 0)
    with Image.open(io.BytesIO(data)) as image:
        assert bytes(value.data) == image.tobytes()


async def test_children_start_at_first_use_and_stay(started: Started) -> None:
    pool = started()
    assert pool.pids() == set()
    await described(pool, pdf(["x"]), PDF)
    first = pool.pids()
    assert len(first) == 1
    await size(pool, tiff(["x"]), TIFF)
    assert pool.pids() == first


async def test_closing_ends_every_child_and_what_is_in_hand(started: Started) -> None:
    pool = started(children=1, timeout=600)
    calls = [asyncio.create_task(size(pool, ENDLESS, PDF)) for _ in range(3)]
    await eventually(lambda: bool(pool.pids()))
    pids = pool.pids()
    await pool.close()
    async with asyncio.timeout(PATIENCE):
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [Draining] * 3
    assert not any(map(psutil.pid_exists, pids))


async def test_a_caller_that_goes_leaves_its_place_to_the_next(started: Started) -> None:
    pool = started(children=1, timeout=600)
    for _ in range(3):
        gone = asyncio.create_task(size(pool, ENDLESS, PDF))
        await eventually(lambda: bool(pool.pids()))
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            assert await size(pool, encoded(page("x"), "PNG"), "image/png") == (420, 90)


async def test_no_file_stays_open_of_media_that_were_read(started: Started) -> None:
    pool = started(children=1)
    before = len(psutil.Process().open_files()) + psutil.Process().num_fds()
    for number in range(5):
        with pytest.raises(MediaRefused):
            await size(pool, b"%PDF-" + b"x" * number, PDF)
        await size(pool, pdf(["x"]), PDF)
        await size(pool, tiff(["x"]), TIFF)
    (process,) = map(psutil.Process, pool.pids())
    # The channel of the child, and the document it was asked for last.
    assert psutil.Process().num_fds() + len(psutil.Process().open_files()) <= before + 2
    assert process.num_fds() <= 6


async def test_a_child_has_its_limits_and_none_of_the_gateways_secrets(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", "hush")
    pool = started(memory=300 * MIB)
    await described(pool, pdf(["x"]), PDF)
    (process,) = map(psutil.Process, pool.pids())
    assert "GATEWAY_SECRET" not in process.environ()
    assert process.rlimit(psutil.RLIMIT_AS) == (300 * MIB,) * 2


async def test_no_child_outlives_a_gateway_that_was_killed(short_folder: Any) -> None:
    path = short_folder / "endless.pdf"
    path.write_bytes(ENDLESS)
    gateway = subprocess.Popen([sys.executable, "-c", ORPHAN, str(path)], stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    (child,) = [psutil.Process(int(pid)) for pid in gateway.stdout.readline().split()]
    await eventually(lambda: child.cpu_times().user > 0.3)
    gateway.kill()
    gateway.wait()
    gateway.stdout.close()
    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
