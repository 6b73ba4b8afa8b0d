"""Keys of blobs: relative paths that we make ourselves, `<execution>/<media>`."""

import re
from typing import Final

#: A name is one of an execution or a media, so it may begin with a dot, but `.` and `..` are no names.
_NAME: Final = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]{1,128}"
_KEY: Final = re.compile(rf"{_NAME}(?:/{_NAME})*")


def checked(key: str) -> str:
    """`key`, if it names a place inside the store on every kind of store.

    Raises:
        ValueError: it does not; whoever made it has a mistake.
    """
    if _KEY.fullmatch(key) is None:
        raise ValueError("The key of a blob is made of names of A-Z, a-z, 0-9, '.', '_', '-', with '/' between them.")
    return key
