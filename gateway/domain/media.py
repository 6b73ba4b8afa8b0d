"""Media: the bytes that a caller put in, or where they are to be had."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gateway.errors import MediaLimit
from gateway.limits import MAX_MEDIA_BYTES


class Media(msgspec.Struct, frozen=True):
    """One media of a call; the ID is `media-1…n` in call order unless it is stored."""

    media_id: str
    data: bytes
    #: The pages that are meant, where the media names its own: see `gateway.domain.page_range`.
    pages: str | None = None


class FileReference(msgspec.Struct, frozen=True):
    """A file that was uploaded before."""

    file_id: str
    pages: str | None = None


class StoredReference(msgspec.Struct, frozen=True):
    """A media that is stored on the execution of the call."""

    media_id: str
    pages: str | None = None


class UrlReference(msgspec.Struct, frozen=True):
    """An address that the media is fetched from."""

    url: str
    pages: str | None = None


#: A media that is not there yet.
Reference = FileReference | StoredReference | UrlReference
#: One media as a call names it.
Brought = Media | Reference


def check_size(size: int, field: str | None = None) -> None:
    """Refuse media of more bytes than one may have.

    Raises:
        MediaLimit: it has.
    """
    if size > MAX_MEDIA_BYTES:
        raise MediaLimit(f"The media has more than {MAX_MEDIA_BYTES} bytes.", field=field)


def given(data: Sequence[bytes]) -> tuple[Media, ...]:
    """The media of a direct call, which live no longer than the call."""
    return tuple(Media(nth(index), each) for index, each in enumerate(data))


def nth(index: int) -> str:
    """The ID of the media at this place of a call, from 0 on, unless it is stored."""
    return f"media-{index + 1}"


class MediaRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Media that is stored on an execution."""

    execution_id: str
    media_id: str
    content_type: str
    size: int
    created_at: datetime
    #: Its key in the blob store.
    blob: str
