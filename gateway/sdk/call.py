"""The body of an execute call, whose file is read and encoded while it is sent: never held as a whole."""

import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

#: Bytes of a file that are read at once; a multiple of three, so that their base64 goes on without a seam.
_PIECE: Final = 3 * 64 * 1024


class Call:
    """The fields of one call, and the file that is its media, if there is one."""

    def __init__(self, fields: Mapping[str, object], file: Path | None = None) -> None:
        """A call on the file as it is now.

        Raises:
            OSError: the file cannot be read.
        """
        self._file = file
        self._size = 0 if file is None else file_size(file)
        if file is None:
            self._head, self._tail = msgspec.json.encode(fields), b""
        else:
            self._head = msgspec.json.encode({**fields, "media": [""]})[: -len(b'"]}')]
            self._tail = b'"]}'

    def __len__(self) -> int:
        return len(self._head) + 4 * -(-self._size // 3) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        if self._file is not None:
            yield from self._encoded(self._file)
        yield self._tail

    def _encoded(self, path: Path) -> Iterator[bytes]:
        left = self._size
        with path.open("rb") as file:
            while left:
                piece = file.read(min(left, _PIECE))
                if len(piece) < min(left, _PIECE):
                    raise OSError(None, "The file became shorter while it was read", str(path))
                left -= len(piece)
                yield binascii.b2a_base64(piece, newline=False)


def file_size(file: Path) -> int:
    """Bytes of a file.

    Raises:
        OSError: it is no file, or cannot be read.
    """
    found = file.stat()
    if file.is_dir():
        raise IsADirectoryError(None, "It is a folder: name it with --dir", str(file))
    if not file.is_file():
        raise OSError(None, "It is not a file", str(file))
    return found.st_size
