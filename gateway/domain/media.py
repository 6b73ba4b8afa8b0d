"""Media: the bytes that a caller put in."""

import msgspec


class Media(msgspec.Struct, frozen=True):
    """One media of a call; the ID is `media-1…n` in call order unless it is stored."""

    media_id: str
    data: bytes


def given(data: list[bytes]) -> tuple[Media, ...]:
    """The media of a direct call, which live no longer than the call."""
    return tuple(Media(f"media-{number}", each) for number, each in enumerate(data, 1))
