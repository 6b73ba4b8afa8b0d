"""What becomes of media before Triton sees it: pages that are rendered, images that are turned, text that is read."""

from typing import Final

import msgspec

PDF: Final = "application/pdf"
TIFF: Final = "image/tiff"
WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SLIDES: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

#: What may have more than one page.
PAGED: Final = frozenset((PDF, TIFF))
#: What has text and no pages that could be rendered.
OFFICE: Final = frozenset((WORD, SLIDES))
#: Images that pipelines seldom read, and that are rendered where a call asks for conversion.
UNUSUAL: Final = frozenset(("image/avif", "image/jp2"))
#: Images that may be stored lying on their side.
TURNABLE: Final = frozenset(("image/jpeg", "image/png", "image/webp", TIFF))


class Conversion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call asks for; without it media go to Triton as they came."""

    #: Pages and frames become images, each an inference of its own.
    images: bool = False
    #: The text that stands in documents goes along.
    text: bool = False
    #: The pages of each media that does not name its own.
    pages: str | None = None


class Shape(msgspec.Struct, frozen=True):
    """What a look into a media tells."""

    pages: int
    #: Pixels of the first frame; 0 where pages have none of their own.
    width: int = 0
    height: int = 0
    #: It is stored turned or mirrored, and says so.
    turned: bool = False
