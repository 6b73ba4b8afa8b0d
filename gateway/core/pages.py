"""One entry out of the pages of one media: what a model said of each is put together, and never re-encoded.

`documentPages` and `codes` of all pages stand in a row, each documentPage under its number in the media, from 1. What
else a page has stands under `pages` where there are several, so that no page hides what another found.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from gateway.domain.runs import RunError

Fields = dict[str, msgspec.Raw]

_DOCUMENT_PAGES: Final = "documentPages"
_IN_A_ROW: Final = (_DOCUMENT_PAGES, "codes")
_PAGE: Final = "page"


class Warned(msgspec.Struct, frozen=True):
    """Something that a caller may not have meant, and that hindered nothing."""

    code: str
    message: str


class Page(msgspec.Struct, frozen=True):
    """What became of one page: the JSON object of the model, or why there is none."""

    #: From 0, in the whole media.
    number: int
    content: bytes | None = None
    error: RunError | None = None


class _PageError(msgspec.Struct, frozen=True):
    page: int
    code: str
    message: str


def entry_content(
    pages: Sequence[Page], *, text: str | None = None, warnings: Sequence[Warned] = (), numbered: bool = True
) -> bytes:
    """The JSON object of one media.

    `text` is what was read of the media without a model. A media that went to Triton as it came has no numbers of
    pages (not `numbered`): what was found in it alone is returned as it is.
    """
    if not numbered and text is None and not warnings and len(pages) == 1 and pages[0].content is not None:
        return pages[0].content
    beside = _beside(pages, text, warnings)
    found = [(page.number + 1, _fields(page.content)) for page in pages if page.content is not None]
    if numbered:
        for number, fields in found:
            _set_numbers(fields, number)
    alone = len(pages) == 1 and all(fields.keys().isdisjoint(beside) for _, fields in found)
    whole = {name: raw for _, fields in found for name, raw in fields.items()} if alone else _gathered(found)
    return msgspec.json.encode(whole | beside)


def _beside(pages: Sequence[Page], text: str | None, warnings: Sequence[Warned]) -> Fields:
    """What the gateway itself writes."""
    errors = [_PageError(page.number + 1, page.error.code, page.error.message) for page in pages if page.error]
    written: dict[str, object] = {"rawText": text, "errors": errors or None, "warnings": warnings or None}
    return {name: _encoded(value) for name, value in written.items() if value is not None}


def _gathered(found: Sequence[tuple[int, Fields]]) -> Fields:
    """The fields of several pages, as those of one object."""
    whole: Fields = {}
    for name in _IN_A_ROW:
        rows = [row for _, fields in found if (row := _elements(fields.get(name))) is not None and fields.pop(name)]
        if rows:
            whole[name] = _array(element for row in rows for element in row)
    rest = [_encoded({_PAGE: number} | fields | {_PAGE: number}) for number, fields in found if fields]
    if rest:
        whole["pages"] = _array(rest)
    return whole


def _set_numbers(fields: Fields, number: int) -> None:
    elements = _elements(fields.get(_DOCUMENT_PAGES))
    if elements is not None:
        fields[_DOCUMENT_PAGES] = _array(_numbered(each, number) for each in elements)


def _numbered(element: msgspec.Raw, number: int) -> msgspec.Raw:
    """A documentPage under its number; one that has it already stays as it came, and so does what is no object."""
    own = _encoded(number)
    fields = _object(element)
    if fields is None or fields.get(_PAGE) == own:
        return element
    return _encoded(fields | {_PAGE: own})


def _fields(content: bytes) -> Fields:
    return msgspec.json.decode(content, type=Fields)


def _object(raw: msgspec.Raw) -> Fields | None:
    try:
        return msgspec.json.decode(raw, type=Fields)
    except msgspec.ValidationError:
        return None


def _elements(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """The elements of an array; None where it is none."""
    try:
        return None if raw is None else msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return None


def _array(elements: Iterable[msgspec.Raw]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(map(bytes, elements)) + b"]")


def _encoded(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
