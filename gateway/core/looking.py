"""A look into one media: which pages there are, what of them goes to Triton, and what text stands in it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.core import inputs
from gateway.core.pages import Page, Warned, entry_content
from gateway.domain.conversion import OFFICE, PAGED, PDF, TURNABLE, UNUSUAL, Conversion, Shape
from gateway.domain.media import Media
from gateway.domain.media_types import plain_text, sniff
from gateway.domain.page_range import PageRange
from gateway.domain.pipelines import InputRole, Pipeline
from gateway.domain.tensors import Value
from gateway.errors import MediaLimit, MediaUnsupported
from gateway.limits import MAX_TEXT_CHARACTERS
from gateway.ports import OpenedMedia

_NOTHING: Final = Conversion()
_LOOKED_AT: Final = PAGED | OFFICE
_NO_PICTURE: Final = "A document of this type cannot be rendered, only its text can be read: set trySimpleText."
_NO_TEXT: Final = "The pipeline takes text, and the gateway reads none from media of this type."
_CLIPPED: Final = "The page range reaches beyond the end of the media."


class Asked(msgspec.Struct, frozen=True):
    """What a run asks of one media."""

    pipeline: Pipeline
    conversion: Conversion
    media: Media
    named: tuple[Value, ...]

    @property
    def pages(self) -> PageRange:
        """The pages that are meant."""
        text = self.media.pages or self.conversion.pages
        return PageRange() if text is None else PageRange.of(text)

    @property
    def text_input(self) -> str | None:
        """The input that the text of the media goes to."""
        taken = {each.name for each in self.named}
        return self.pipeline.free_text_input(taken) if self.conversion.text else None

    def needs_a_look(self) -> bool:
        """Whether anything becomes of it before Triton sees it."""
        entry = self.pipeline.media_input
        if self.conversion != _NOTHING or self.media.pages is not None:
            return True
        if entry is None or entry.role is InputRole.IMAGE:
            return entry is not None
        return self.pipeline.image_conversion and sniff(self.media.data) in _LOOKED_AT


class Look:
    """What is known of one media while its pages are with Triton."""

    def __init__(self, asked: Asked, kind: str, opened: OpenedMedia):
        self._asked, self._kind, self._opened = asked, kind, opened
        self._pictures = asked.pipeline.takes_pictures(asked=asked.conversion.images)
        self._rendered = self._with_media = False
        self._text: str | None = None
        self._warnings: tuple[Warned, ...] = ()
        #: The pages that are an inference each, from 0; one that is not rendered is the whole media.
        self.pages: Sequence[int] = (0,)

    async def take(self, most: int) -> None:
        """Find out what is to be done; at most so many pages may be.

        Raises:
            MediaUnreadable, MediaLimit, MediaUnsupported, PageRangeEmpty: nothing can be done with it.
        """
        shape = await self._shape()
        chosen = self._asked.pages.within(shape.pages, most)
        if self._asked.pages.reaches_beyond(shape.pages):
            self._warnings = (Warned("media.page_range_clipped", _CLIPPED),)
        if self._asked.conversion.text:
            self._text = await self._read(chosen)
        self._rendered = self._pictures and self._must_be_rendered(shape)
        self._with_media = self._can_go()
        if self._numbered:
            self.pages = chosen
        elif not self._with_media and self._text_goes_nowhere():
            self.pages = ()

    async def values(self, number: int) -> tuple[Value, ...]:
        """The tensors of one page.

        Raises:
            MediaUnreadable, MediaLimit: it could not be rendered.
        """
        media = (await self._media(number),) if self._with_media else ()
        return (*media, *self._asked.named, *self._text_value())

    def content(self, pages: Sequence[Page]) -> bytes:
        """The entry of the media, from what became of its pages."""
        stands = self._asked.text_input is None and (self._text or not self.pages)
        text = self._text or "" if stands else None
        return entry_content(pages, text=text, warnings=self._warnings, numbered=self._numbered)

    @property
    def _numbered(self) -> bool:
        return self._pictures and self._kind in PAGED

    async def _shape(self) -> Shape:
        looked_at = self._asked.conversion.images and self._kind in TURNABLE | UNUSUAL
        return await self._opened.describe() if looked_at or self._kind in PAGED else Shape(1)

    async def _read(self, pages: Sequence[int]) -> str | None:
        """The text of the media; None where it is of no type that has any."""
        if self._kind == PDF:
            return await self._opened.text(pages)
        if self._kind in OFFICE:
            return await self._opened.text(())
        text = None if self._kind else plain_text(self._asked.media.data)
        if text is not None and len(text) > MAX_TEXT_CHARACTERS:
            raise MediaLimit("The media has more text than the gateway takes.")
        return text

    def _must_be_rendered(self, shape: Shape) -> bool:
        if self._kind == PDF or shape.pages > 1:
            return True
        return self._asked.conversion.images and (shape.turned or self._kind in UNUSUAL)

    def _can_go(self) -> bool:
        """Whether the media itself goes to Triton."""
        if self._asked.pipeline.media_input is None:
            if not self._text:
                raise MediaUnsupported(_NO_TEXT)
            return False
        if not self._pictures:
            return True
        if self._kind in OFFICE and self._text is None:
            raise MediaUnsupported(_NO_PICTURE)
        return self._text is None or self._kind == PDF

    def _text_goes_nowhere(self) -> bool:
        entry = self._asked.pipeline.media_input
        return self._asked.text_input is None or (entry is not None and not entry.optional)

    async def _media(self, number: int) -> Value:
        entry = self._asked.pipeline.media_input
        assert entry is not None
        if entry.role is InputRole.IMAGE:
            return inputs.pixel_value(entry, await self._opened.pixels(entry.name, number))
        data = await self._opened.page(number) if self._rendered else self._asked.media.data
        return inputs.encoded_value(entry, data)

    def _text_value(self) -> tuple[Value, ...]:
        name = self._asked.text_input
        if name is None or (self._text is None and self._asked.pipeline.named_inputs[name].optional):
            return ()
        return inputs.named_values(self._asked.pipeline, {name: self._text or ""})
