"""Documents of every type that the gateway looks into, made on the spot."""

import io
from collections.abc import Sequence

import docx
import pptx
from PIL import Image, ImageDraw, ImageFont

#: Pixels of a page of words, and per inch.
SIZE = (420, 90)
DPI = 72


def page(words: str, size: tuple[int, int] = SIZE) -> Image.Image:
    """A page with a line of words, large enough to be read by machine."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((12, 20), words, fill="black", font=ImageFont.load_default(36))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image in a format of Pillow's."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pdf(words: Sequence[str], dpi: float = DPI) -> bytes:
    """A PDF with these words as pictures, a page each."""
    return _pages([page(each) for each in words], "PDF", resolution=dpi)


def tiff(words: Sequence[str]) -> bytes:
    """A TIFF with these words, a frame each."""
    return _pages([page(each) for each in words], "TIFF", compression="tiff_lzw")


def _pages(pages: list[Image.Image], kind: str, **options: object) -> bytes:
    return encoded(pages[0], kind, save_all=True, append_images=pages[1:], **options)


def word(*paragraphs: str) -> bytes:
    """A DOCX of these paragraphs, and a table of two cells behind them."""
    document = docx.Document()
    for each in paragraphs:
        document.add_paragraph(each)
    left, right = document.add_table(1, 2).rows[0].cells
    left.text, right.text = "left", "right"
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def slides(*titles: str) -> bytes:
    """A PPTX with a slide for each title."""
    presentation = pptx.Presentation()
    for each in titles:
        presentation.slides.add_slide(presentation.slide_layouts[5]).shapes.title.text = each
    buffer = io.BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()
