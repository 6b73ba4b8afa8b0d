"""Places for calls: taken before a body is read, refused at once when all are taken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway import metrics
from gateway.errors import Draining, Overloaded


class Admission:
    """Counts the calls in hand, of all doors together: in all, and of each pipeline that has any."""

    def __init__(self, places: int, of_one: int | None = None, narrowed: Callable[[str], int | None] | None = None):
        self._places = places
        self._of_one = of_one or places
        #: What a pipeline's own config says, where it says anything.
        self._narrowed = narrowed or (lambda _: None)
        self._taken = 0
        #: Only of pipelines that have calls in hand, so that names nobody knows do not pile up.
        self._taken_of: dict[str, int] = {}
        self._leaving = False
        self._closed = False

    @property
    def taken(self) -> int:
        """Calls in hand now."""
        return self._taken

    @property
    def pipelines(self) -> int:
        """Pipelines that have calls in hand now."""
        return len(self._taken_of)

    @property
    def leaving(self) -> bool:
        """Whether the gateway stops, so that new work had better go elsewhere."""
        return self._leaving

    def leave(self) -> None:
        """Say that the gateway stops; calls that come all the same are still taken."""
        self._leaving = True

    def close(self) -> None:
        """Admit nobody from now on; calls in hand go on."""
        self._leaving = self._closed = True

    @contextmanager
    def place(self, pipeline_id: str | None = None) -> Iterator[None]:
        """Hold one place: of this pipeline, and of all; without a pipeline, of all alone.

        Raises:
            Overloaded: every place is taken.
            Draining: the gateway has stopped.
        """
        if self._closed:
            metrics.DRAINING.inc()
            raise Draining
        if self._taken >= self._places:
            metrics.NO_PLACE.inc()
            raise Overloaded
        if pipeline_id is not None:
            self._enter(pipeline_id)
        self._taken += 1
        metrics.CALLS.inc()
        try:
            yield
        finally:
            self._taken -= 1
            metrics.CALLS.dec()
            if pipeline_id is not None:
                self._exit(pipeline_id)

    def _enter(self, pipeline_id: str) -> None:
        taken = self._taken_of.get(pipeline_id, 0)
        narrowed = self._narrowed(pipeline_id)
        if taken >= (self._of_one if narrowed is None else min(narrowed, self._of_one)):
            metrics.NO_PIPELINE_PLACE.inc()
            raise Overloaded("The pipeline has as many calls in hand as it accepts; try again shortly.")
        self._taken_of[pipeline_id] = taken + 1

    def _exit(self, pipeline_id: str) -> None:
        left = self._taken_of[pipeline_id] - 1
        if left:
            self._taken_of[pipeline_id] = left
        else:
            del self._taken_of[pipeline_id]
