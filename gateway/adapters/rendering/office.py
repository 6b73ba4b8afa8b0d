"""The text of office documents, in a child: paragraphs and tables of DOCX, shapes and notes of PPTX.

Both are archives: what their directory says of their size is checked before anything is unpacked, and no file of an
archive can unpack to more than the directory says.
"""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import docx
import pptx
from docx.document import Document
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph
from pptx.shapes.base import BaseShape
from pptx.shapes.group import GroupShape

from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.frames import Refused, past_limit, unreadable
from gateway.domain.conversion import SLIDES, WORD

#: Tables in cells of tables that are looked into.
_DEPTH: Final = 16


def text(path: Path, kind: str, bounds: Bounds) -> str:
    """The text of a document, in the order in which it stands.

    Raises:
        Refused: it is none, or there is too much.
    """
    try:
        _check(path, bounds)
        return _bounded(_LINES[kind](path), bounds)
    except (Refused, MemoryError):
        raise
    except Exception as failure:
        raise unreadable("The gateway could not read it as an office document: it is damaged.") from failure


def _check(path: Path, bounds: Bounds) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    if len(entries) > bounds.zip_entries:
        raise past_limit(f"The document holds more than {bounds.zip_entries} files.")
    unpacked = sum(each.file_size for each in entries)
    if unpacked > min(bounds.unzipped_bytes, size * bounds.zip_ratio):
        raise past_limit("The document is too large when it is unpacked.")


def _bounded(lines: Iterable[str], bounds: Bounds) -> str:
    found, room = [], bounds.text_characters
    for line in lines:
        room -= len(line) + 1
        if room < -1:
            raise past_limit("The media has more text than the gateway takes.")
        found.append(line)
    return "\n".join(found).strip()


def _word(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        document = docx.Document(file)
    yield from _blocks(document, 0)


def _blocks(holder: Document | _Cell, depth: int) -> Iterator[str]:
    for block in holder.iter_inner_content():
        if isinstance(block, Paragraph):
            yield block.text
        elif depth < _DEPTH:
            yield from _rows(block, depth)


def _rows(table: Table, depth: int) -> Iterator[str]:
    seen: set[object] = set()
    for row in table.rows:
        cells = [each for each in row.cells if each._tc not in seen]  # noqa: SLF001 a merged cell comes in every place
        seen.update(each._tc for each in cells)  # noqa: SLF001
        yield "\t".join("\n".join(_blocks(each, depth + 1)) for each in cells)


def _slides(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        presentation = pptx.Presentation(file)
    for slide in presentation.slides:
        yield from _shapes(slide.shapes, 0)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield slide.notes_slide.notes_text_frame.text


def _shapes(shapes: Iterable[BaseShape], depth: int) -> Iterator[str]:
    for shape in shapes:
        if isinstance(shape, GroupShape) and depth < _DEPTH:
            yield from _shapes(shape.shapes, depth + 1)
        elif shape.has_text_frame:
            yield shape.text_frame.text  # type: ignore[attr-defined]
        elif shape.has_table:
            for row in shape.table.rows:  # type: ignore[attr-defined]
                yield "\t".join(cell.text for cell in row.cells)


_LINES: Final[dict[str, Callable[[Path], Iterator[str]]]] = {WORD: _word, SLIDES: _slides}
