"""How much of everything a child may decode of one media; the numbers are those of `gateway.limits`."""

import msgspec

from gateway import limits


class Bounds(msgspec.Struct, frozen=True):
    """What a child is told when it starts."""

    image_pixels: int = limits.MAX_IMAGE_PIXELS
    page_pixels: int = limits.MAX_PAGE_PIXELS
    page_dpi: float = limits.PAGE_DPI
    least_dpi: float = limits.LEAST_PAGE_DPI
    frames: int = limits.MAX_FRAMES_PER_MEDIA
    text_characters: int = limits.MAX_TEXT_CHARACTERS
    zip_entries: int = limits.MAX_ZIP_ENTRIES
    unzipped_bytes: int = limits.MAX_UNZIPPED_BYTES
    zip_ratio: int = limits.MAX_ZIP_RATIO

    @property
    def image_bytes(self) -> int:
        """Bytes that the pixels of one image may take."""
        return 4 * self.image_pixels

    @property
    def reply_bytes(self) -> int:
        """Bytes that one answer may take: pixels that cannot be compressed, and what stands around them."""
        return 5 * max(self.image_pixels, self.page_pixels) + 1024 * 1024
