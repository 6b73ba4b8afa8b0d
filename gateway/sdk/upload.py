"""A file as the body of a request: read while it is sent, never held as a whole."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gateway.sdk.call import file_size

_PIECE: Final = 256 * 1024


class Upload:
    """One file, as it is now."""

    def __init__(self, file: Path, sent: Callable[[int], None] | None = None) -> None:
        """`sent` is told how many bytes have gone, piece by piece.

        Raises:
            OSError: the file cannot be read.
        """
        self._file = file
        self._size = file_size(file)
        self._sent = sent

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        left = self._size
        with self._file.open("rb") as file:
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    raise OSError(None, "The file became shorter while it was read", str(self._file))
                left -= len(piece)
                yield piece
                if self._sent is not None:
                    self._sent(len(piece))
