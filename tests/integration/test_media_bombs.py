"""Small files that would become large ones: each is refused, and nobody needs more memory than the limits say."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

import bombs
from documents import encoded
from gateway.domain.conversion import PDF, TIFF, WORD
from gateway.limits import (
    DECODER_CHILDREN,
    DECODER_MEMORY,
    MAX_FRAMES_PER_MEDIA,
    MAX_IMAGE_PIXELS,
    MAX_ZIP_ENTRIES,
    MEDIA_IN_PARALLEL,
    MIB,
)

#: Reads files, each as it is told to, and says how each ended and how much memory was needed at the most.
PROGRAM: Final = """
import asyncio, json, pathlib, resource, sys, uvloop
from gateway.adapters.rendering.pool import DecoderPool
from gateway.core.converting import Converter
from gateway.core.looking import Asked
from gateway.domain.conversion import Conversion
from gateway.domain.media import Media
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.errors import GatewayError

PIPELINE = Pipeline(pipeline_id="p", inputs=(Input("X", "BYTES", (1,), InputRole.MEDIA),), outputs=(), steps=())

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

async def every_page(reader, data):
    async def infer(values, number):
        return b"{}"

    converter = Converter(reader)
    asked = Asked(PIPELINE, Conversion(images=True), Media("m", data), ())
    await converter.entry(asked, infer, converter.places())

async def main():
    pool, ends = DecoderPool(), {}
    before = peak()
    for path, kind, wish in json.loads(sys.argv[1]):
        try:
            if wish == "all":
                await every_page(pool, pathlib.Path(path).read_bytes())
                ends[path] = "done"
                continue
            async with pool.opened(pathlib.Path(path).read_bytes(), kind) as media:
                await media.describe() if wish != "text" else None
                made = await {"page": lambda: media.page(0), "pixels": lambda: media.pixels("X", 0),
                              "text": lambda: media.text(())}[wish]()
                ends[path] = "done"
        except GatewayError as error:
            ends[path] = error.code
        made = None
    await pool.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps([ends, before, peak(), children]))

uvloop.run(main())
"""
REFUSED: Final = {"media.limit", "media.unreadable"}
BOMBS: Final[dict[str, tuple[Callable[[], bytes], str, str]]] = {
    "a PNG of 50,000 x 50,000 pixels": (lambda: bombs.png(50_000, 50_000), "image/png", "pixels"),
    "a TIFF of 2**31 pixels": (lambda: bombs.tiff(2**16, 2**15), TIFF, "page"),
    "a TIFF of too many frames": (lambda: bombs.tiff(4, 4, MAX_FRAMES_PER_MEDIA + 1), TIFF, "page"),
    "a PDF page of 14,400 points": (lambda: bombs.picture_pdf(30_000, 30_000), PDF, "page"),
    "a PDF page with an image of 30,000 x 30,000": (lambda: bombs.picture_pdf(30_000, 30_000, 600), PDF, "page"),
    "a PDF page of forms within forms": (lambda: bombs.nested_pdf(20, 10), PDF, "page"),
    "a PDF page of 600 MB of commands": (lambda: bombs.long_pdf(600 * MIB), PDF, "page"),
    "a DOCX that unpacks to 300 MB": (lambda: bombs.archive(300 * MIB), WORD, "text"),
    "a DOCX that is packed too tightly": (lambda: bombs.archive(20 * MIB), WORD, "text"),
    "a DOCX of too many files": (lambda: bombs.crowd(MAX_ZIP_ENTRIES + 1), WORD, "text"),
    "a DOCX of entities of entities": (bombs.laughs, WORD, "text"),
}


def read(folder: Path, *made: tuple[Callable[[], bytes], str, str]) -> Any:
    """How each ended, and the peaks: of the parent before and after, of the children."""
    orders = []
    for number, (make, kind, wish) in enumerate(made):
        path = folder / str(number)
        path.write_bytes(make())
        orders.append((str(path), kind, wish))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(orders)], stdout=subprocess.PIPE, check=True, timeout=300
    )
    return json.loads(done.stdout)


def test_every_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    ends, before, parent, children = read(tmp_path, *BOMBS.values())
    told = dict(zip(BOMBS, ends.values(), strict=True))
    assert set(told.values()) <= REFUSED, told
    assert all((tmp_path / str(number)).stat().st_size < 2 * MIB for number in range(len(BOMBS)))
    assert parent - before < 32 * MIB
    assert children < DECODER_MEMORY


@pytest.mark.parametrize("wish", ["pixels", "page"])
def test_the_largest_image_that_is_taken_is_held_once_by_the_child_and_once_by_the_gateway(
    tmp_path: Path, wish: str
) -> None:
    side = int(MAX_IMAGE_PIXELS**0.5)
    largest = (lambda: bombs.png(side, side, whole=True)), "image/png", wish
    ends, before, parent, children = read(tmp_path, largest)
    assert list(ends.values()) == ["done"]
    # Pillow keeps four bytes of each pixel; what comes back has three.
    assert children < 4 * MAX_IMAGE_PIXELS + 64 * MIB
    assert parent - before < 3 * MAX_IMAGE_PIXELS + 32 * MIB


def noisy_pages(count: int) -> bytes:
    """A PDF of so many pages of 1,500 x 1,500 pixels that no one can pack."""
    noise = [Image.effect_noise((540, 540), 60 + number).convert("RGB") for number in range(count)]
    return encoded(noise[0], "PDF", save_all=True, append_images=noise[1:], resolution=72)


def test_a_document_of_many_pages_takes_no_more_memory_than_one_of_few(tmp_path: Path) -> None:
    peaks = []
    for count in (MEDIA_IN_PARALLEL, 8 * MEDIA_IN_PARALLEL):
        ends, before, parent, _ = read(tmp_path, (functools.partial(noisy_pages, count), PDF, "all"))
        assert list(ends.values()) == ["done"]
        peaks.append(parent - before - (tmp_path / "0").stat().st_size)
    few, many = peaks
    assert many < few + 16 * MIB, peaks


def test_all_children_together_are_bounded() -> None:
    assert DECODER_CHILDREN * DECODER_MEMORY <= 4 * 1024 * MIB
