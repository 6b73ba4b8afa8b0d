"""PDFs by pdfium, in a child: how many pages, a page as an image, and the text that stands in it.

The file is read as pages are asked for, never whole. A page is rendered at so many dots per inch that it stays within
its pixels; one that would need too few of them is refused, and so is one with an image that is too large decoded.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.frames import Refused, past_limit, unreadable
from gateway.domain.conversion import Shape

_POINTS_PER_INCH: Final = 72
#: Forms within forms that are looked into for images.
_DEPTH: Final = 8


class Pdf:
    """An open document, with the forms that its pages show."""

    def __init__(self, file: BinaryIO):
        try:
            self._document = pdfium.PdfDocument(file, autoclose=True)
            self._document.init_forms()
        except pdfium.PdfiumError as failure:
            locked = getattr(failure, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD
            why = "it is protected by a password" if locked else "it is damaged or cut off"
            raise unreadable(f"The gateway could not read it as a PDF: {why}.") from failure

    def describe(self) -> Shape:
        """How many pages there are.

        Raises:
            Refused: there is none.
        """
        count = len(self._document)
        if count < 1:
            raise unreadable("The gateway could not read it as a PDF: it has no page.")
        return Shape(count)

    def image(self, number: int, bounds: Bounds) -> Image.Image:
        """A page as it would be printed.

        Raises:
            Refused: it is damaged, or too large.
        """
        page = self._page(number)
        try:
            width, height = page.get_size()
            scale = _scale(width, height, bounds)
            _check_images(page, bounds)
            return _rendered(page, scale)
        except pdfium.PdfiumError as failure:
            raise _damaged(number) from failure
        finally:
            page.close()

    def text(self, pages: Sequence[int], bounds: Bounds) -> str:
        """The text of these pages, or of all, page after page.

        Raises:
            Refused: a page is damaged, or there is too much.
        """
        found, room = [], bounds.text_characters
        for number in pages or range(len(self._document)):
            text = self._text(number, room)
            room -= len(text) + 1
            found.append(text)
        return "\n".join(filter(None, found))

    def _text(self, number: int, room: int) -> str:
        page = self._page(number)
        try:
            text = page.get_textpage()
            if text.count_chars() > room:
                raise past_limit("The media has more text than the gateway takes.")
            return str(text.get_text_range()).replace("\r\n", "\n").strip()
        except pdfium.PdfiumError as failure:
            raise _damaged(number) from failure
        finally:
            page.close()

    def _page(self, number: int) -> pdfium.PdfPage:
        try:
            return self._document[number]
        except (pdfium.PdfiumError, IndexError) as failure:
            raise _damaged(number) from failure


#: The document that was asked for last, by the number of its media: its pages are asked for one by one.
_open: Final[dict[int, Pdf]] = {}


def opened(media: int, path: Path) -> Pdf:
    """The document of a media, which stays open until that of another is asked for.

    Raises:
        Refused: it is none.
    """
    if media not in _open:
        _open.clear()
        _open[media] = Pdf(path.open("rb"))
    return _open[media]


def _damaged(number: int) -> Refused:
    return unreadable(f"The gateway could not read page {number + 1} of the PDF: it is damaged.")


def _scale(width: float, height: float, bounds: Bounds) -> float:
    """Pixels per point, for a page of this many points."""
    if width <= 0 or height <= 0:
        raise unreadable("The gateway could not read it as a PDF: a page has no size.")
    # Each side is rounded up to whole pixels.
    fitting = math.sqrt(bounds.page_pixels / (width * height)) * _POINTS_PER_INCH * 0.999
    dpi = min(bounds.page_dpi, fitting)
    if dpi < bounds.least_dpi:
        raise past_limit(
            f"A page is so large that {bounds.page_pixels} pixels are less than {bounds.least_dpi:g} dots per inch."
        )
    return dpi / _POINTS_PER_INCH


def _rendered(page: pdfium.PdfPage, scale: float) -> Image.Image:
    image: Image.Image = page.render(scale=scale, limit_image_cache=True).to_pil()
    return image


def _check_images(page: pdfium.PdfPage, bounds: Bounds) -> None:
    for image in _images(page):
        width, height = image.get_px_size()
        bits = max(1, image.get_metadata().bits_per_pixel)
        if width * height * bits > bounds.image_bytes * 8:
            raise past_limit(f"An image of a page takes more than {bounds.image_bytes} bytes.")


def _images(page: pdfium.PdfPage) -> Iterator[pdfium.PdfImage]:
    yield from page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=_DEPTH)
