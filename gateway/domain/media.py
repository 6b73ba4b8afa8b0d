"""Media: the bytes that a caller put in."""

from datetime import datetime

import msgspec

from gateway.errors import MediaLimit
from gateway.limits import MAX_MEDIA_BYTES


class Media(msgspec.Struct, frozen=True):
    """One media of a call; the ID is `media-1…n` in call order unless it is stored."""

    media_id: str
    data: bytes


def check_size(size: int, field: str | None = None) -> None:
    """Refuse media of more bytes than one may have.

    Raises:
        MediaLimit: it has.
    """
    if size > MAX_MEDIA_BYTES:
        raise MediaLimit(f"The media has more than {MAX_MEDIA_BYTES} bytes.", field=field)


def given(data: list[bytes]) -> tuple[Media, ...]:
    """The media of a direct call, which live no longer than the call."""
    return tuple(Media(f"media-{number}", each) for number, each in enumerate(data, 1))


class MediaRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Media that is stored on an execution."""

    execution_id: str
    media_id: str
    content_type: str
    size: int
    created_at: datetime
    #: Its key in the blob store.
    blob: str
