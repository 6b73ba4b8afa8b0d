"""Media that are not taken."""

from gateway.errors.requests import InvalidRequest


class MediaRefused(InvalidRequest):
    """A step of the pipeline, or the gateway in its place, does not take the media."""

    code = "media.unreadable"

    def __init__(self, message: str | None = None, *, field: str | None = None, step: str | None = None):
        super().__init__(message, field=field)
        #: The model that refused it; None where it was the gateway.
        self.step = step


class MediaLimit(MediaRefused):
    """The media has more of something, such as pixels or pages, than the gateway accepts."""

    code = "media.limit"


class MediaUnsupported(InvalidRequest):
    """The media is of a type that this pipeline cannot read."""

    code = "media.unsupported"
    http = 415


class MediaUnreadable(MediaRefused):
    """A step of the pipeline could not read the media."""

    code = "media.unreadable"


class PageRangeEmpty(MediaRefused):
    """The media has none of the pages that the page range names."""

    code = "media.page_range_empty"


class UrlForbidden(InvalidRequest):
    """The gateway fetches nothing from this address."""

    code = "media.url_forbidden"


class UrlFailed(InvalidRequest):
    """The media could not be fetched from its URL."""

    code = "media.url_failed"
