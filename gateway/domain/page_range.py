"""Which pages of a media are meant: `0-5,10` are its first six and its eleventh.

A comma list of `n` and `a-b`, counted from 0, both ends included, blanks ignored; pages come in the order of the
document, each once.
"""

import re
from typing import Final

import msgspec

from gateway.errors import InvalidInput, MediaLimit, PageRangeEmpty
from gateway.limits import MAX_PAGE_RANGE_CHARACTERS, MAX_PAGES_PER_MEDIA

#: The white space of ASCII is let pass between the words, and no digits but those of ASCII.
_ITEM: Final = re.compile(r"[ \t\r\n]*([0-9]{1,9})[ \t\r\n]*(?:-[ \t\r\n]*([0-9]{1,9})[ \t\r\n]*)?")
#: Every page there is.
_ALL: Final = ((0, 10**9),)


class PageRange(msgspec.Struct, frozen=True):
    """Some pages: pairs of the first and the last, both from 0."""

    parts: tuple[tuple[int, int], ...] = _ALL

    @classmethod
    def of(cls, text: str, field: str | None = "pageRange") -> "PageRange":
        """The range that a caller wrote.

        Raises:
            InvalidInput: it is none; `field` is where it stood.
        """
        if len(text) > MAX_PAGE_RANGE_CHARACTERS:
            raise InvalidInput(f"A page range has at most {MAX_PAGE_RANGE_CHARACTERS} characters.", field=field)
        return cls(tuple(_part(item, field) for item in text.split(",")))

    def within(self, pages: int, most: int = MAX_PAGES_PER_MEDIA) -> tuple[int, ...]:
        """Those of a media of so many pages, in its order; what is beyond its end is left out.

        Raises:
            PageRangeEmpty: none is left.
            MediaLimit: more than `most` are.
        """
        found: list[int] = []
        for first, last in sorted(self.parts):
            fresh = range(max(first, found[-1] + 1 if found else 0), min(last, pages - 1) + 1)
            if len(found) + len(fresh) > most:
                raise MediaLimit(f"A call runs on at most {most} pages of one media.")
            found += fresh
        if not found:
            raise PageRangeEmpty
        return tuple(found)

    def reaches_beyond(self, pages: int) -> bool:
        """Whether it names a page that a media of so many pages does not have."""
        return self.parts != _ALL and any(last >= pages for _, last in self.parts)


def _part(item: str, field: str | None) -> tuple[int, int]:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise InvalidInput(
            "A page range is a list such as 0-5,10: pages from 0, with a comma between.", field=field
        ) from None
    first = int(found[1])
    last = first if found[2] is None else int(found[2])
    if last < first:
        raise InvalidInput("A part of the page range ends before it begins.", field=field)
    return first, last
