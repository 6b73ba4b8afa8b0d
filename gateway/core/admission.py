"""Places for calls: taken before a body is read, refused at once when all are taken."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import Draining, Overloaded


class Admission:
    """Counts the synchronous calls in hand, of all doors together."""

    def __init__(self, places: int):
        self._places = places
        self._taken = 0
        self._closed = False

    @property
    def taken(self) -> int:
        """Calls in hand now."""
        return self._taken

    @property
    def closed(self) -> bool:
        """Whether nobody is admitted any more."""
        return self._closed

    def close(self) -> None:
        """Admit nobody from now on; calls in hand go on."""
        self._closed = True

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            Overloaded: every place is taken.
            Draining: the gateway is stopping.
        """
        if self._closed:
            raise Draining
        if self._taken >= self._places:
            raise Overloaded
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
