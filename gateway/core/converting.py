"""One entry for one media: its pages go to Triton, and what comes back of them is put together.

Pages are rendered one by one, each only when its inference has a place, so that a media of a thousand pages takes no
more memory than one of a few.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.core import results
from gateway.core.looking import Asked, Look
from gateway.core.pages import Page
from gateway.core.together import together
from gateway.domain.media_types import sniff
from gateway.domain.runs import RunError
from gateway.domain.tensors import Value
from gateway.errors import GatewayError, MediaLimit, MediaRefused, MediaUnsupported, TritonFailed
from gateway.limits import MAX_PAGES_PER_CALL, MAX_PAGES_PER_MEDIA, MEDIA_IN_PARALLEL, PAGES_IN_HAND
from gateway.ports import MediaReader

#: What can be wrong with one page alone.
_OF_A_PAGE: Final = (MediaRefused, MediaUnsupported, TritonFailed)

#: The inference of one page: its tensors, and its number where the media has several.
Infer = Callable[[tuple[Value, ...], int | None], Awaitable[bytes]]


class Places:
    """What one call may have in hand, and how many pages it may still run on."""

    def __init__(self, pages: int):
        self.inferences = asyncio.Semaphore(MEDIA_IN_PARALLEL)
        self.media = asyncio.Semaphore(MEDIA_IN_PARALLEL)
        self._most = self._left = pages

    def take_pages(self, count: int) -> None:
        """Count these pages.

        Raises:
            MediaLimit: it has too many.
        """
        self._left -= count
        if self._left < 0:
            raise MediaLimit(f"A call runs on at most {self._most} pages.")


class Converter:
    """Turns media into what a pipeline takes, page by page."""

    def __init__(
        self,
        reader: MediaReader,
        *,
        in_hand: int = PAGES_IN_HAND,
        media_pages: int = MAX_PAGES_PER_MEDIA,
        call_pages: int = MAX_PAGES_PER_CALL,
    ):
        self._reader = reader
        self._in_hand = asyncio.Semaphore(in_hand)
        self._media_pages, self._call_pages = media_pages, call_pages

    def places(self) -> Places:
        """Those of a new call."""
        return Places(self._call_pages)

    async def entry(self, asked: Asked, infer: Infer, places: Places) -> tuple[bytes, list[RunError]]:
        """The content of the entry of one media, and what went wrong with single pages of it.

        Raises:
            MediaUnreadable, MediaLimit, MediaUnsupported, PageRangeEmpty: nothing can be done with it.
            GatewayError: what its first page failed with, where none succeeded, or what no other would escape.
        """
        kind = sniff(asked.media.data) or ""
        async with places.media, self._reader.opened(asked.media.data, kind) as opened:
            look = Look(asked, kind, opened)
            await look.take(self._media_pages)
            places.take_pages(len(look.pages))
            pages = await together(self._page(look, number, infer, places) for number in look.pages)
        failures = [error for _, error in pages if error is not None]
        if failures and len(failures) == len(pages):
            raise failures[0]
        content = results.bounded(look.content([page for page, _ in pages]))
        return content, [RunError.of(error) for error in failures]

    async def _page(self, look: Look, number: int, infer: Infer, places: Places) -> tuple[Page, GatewayError | None]:
        """What became of a page, and what it failed with."""
        try:
            async with places.inferences, self._in_hand:
                content = await infer(await look.values(number), number if len(look.pages) > 1 else None)
        except _OF_A_PAGE as error:
            return Page(number, error=RunError.of(error)), error
        return Page(number, content), None
