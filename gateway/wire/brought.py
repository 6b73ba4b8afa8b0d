"""The media of a call, from each form in which a caller may bring or name one."""

from typing import Final

import msgspec

from gateway.domain.media import Brought, FileReference, Media, StoredReference, UrlReference, nth
from gateway.errors import InvalidInput
from gateway.limits import MAX_FILENAME_CHARACTERS, MAX_MEDIA_URL_CHARACTERS
from gateway.wire.media import decode_media

_ONE: Final = "Name one media: its `base64`, `fileId`, `mediaId` or `url`."


class MediaBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One media of a call, in exactly one of four forms; null is absent."""

    base64: str | None = None
    file_id: str | None = None
    media_id: str | None = None
    url: str | None = None
    page_range: str | None = None
    filename: str | None = None


def brought(given: str | MediaBody, index: int) -> Brought:
    """The media at this place of a call, from 0 on.

    Raises:
        InvalidInput: it is none of these forms, or more than one, or not base64; the field is `media[i]`.
    """
    field = f"media[{index}]"
    if isinstance(given, str):
        return Media(nth(index), decode_media(given, field))
    checked_filename(given.filename, field)
    pages = given.page_range
    forms = (given.base64, given.file_id, given.media_id, given.url)
    if sum(each is not None for each in forms) != 1:
        raise InvalidInput(_ONE, field=field)
    if given.file_id is not None:
        return FileReference(given.file_id, pages)
    if given.media_id is not None:
        return StoredReference(given.media_id, pages)
    if given.url is not None:
        return at_url(given.url, index, pages)
    assert given.base64 is not None
    return Media(nth(index), decode_media(given.base64, field), pages)


def at_url(url: str, index: int, pages: str | None = None) -> Brought:
    """The media that a data URL holds, or that any other URL leads to.

    Raises:
        InvalidInput: the data URL does not hold base64, or any other is too long.
    """
    field = f"media[{index}]"
    if url[:5].lower() == "data:":
        return Media(nth(index), decode_media(url, field), pages)
    if len(url) > MAX_MEDIA_URL_CHARACTERS:
        raise InvalidInput(f"The URL is longer than {MAX_MEDIA_URL_CHARACTERS} characters.", field=field)
    return UrlReference(url, pages)


def checked_filename(filename: str | None, field: str) -> None:
    """Refuse a name of a file that is too long; nothing else is made of it: media are known by their content.

    Raises:
        InvalidInput: it is.
    """
    if filename is not None and len(filename) > MAX_FILENAME_CHARACTERS:
        raise InvalidInput(f"The file name is longer than {MAX_FILENAME_CHARACTERS} characters.", field=field)
