"""Places for calls: taken before a body is read, refused at once when all are taken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway import metrics
from gateway.domain.access import Caller
from gateway.errors import Draining, Overloaded


class Tally:
    """How many of each name there are; names of which there are none are not kept, so that they do not pile up."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, name: str) -> None:
        """One more of this name."""
        self._counts[name] = self[name] + 1

    def remove(self, name: str) -> None:
        """One less of this name."""
        left = self._counts[name] - 1
        if left:
            self._counts[name] = left
        else:
            del self._counts[name]


class Admission:
    """Counts the calls in hand, of all doors together: in all, of each key, and of each pipeline."""

    def __init__(
        self,
        places: int,
        of_one: int | None = None,
        narrowed: Callable[[str], int | None] | None = None,
        of_key: int | None = None,
    ):
        self._places = places
        self._of_key = of_key
        self._by_key = Tally()
        self._of_one = of_one or places
        #: What a pipeline's own config says, where it says anything.
        self._narrowed = narrowed or (lambda _: None)
        self._taken = 0
        self._by_pipeline = Tally()
        self._leaving = False
        self._closed = False

    @property
    def taken(self) -> int:
        """Calls in hand now."""
        return self._taken

    @property
    def pipelines(self) -> int:
        """Pipelines that have calls in hand now."""
        return len(self._by_pipeline)

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
    def place(self, caller: Caller, pipeline_id: str | None = None) -> Iterator[None]:
        """Hold one place: of this caller's key, of this pipeline, and of all; without a pipeline, not of one.

        Raises:
            Forbidden: the caller may not use the pipeline.
            Overloaded: every place is taken.
            Draining: the gateway has stopped.
        """
        if pipeline_id is not None:
            caller.check_pipeline(pipeline_id)
        if self._closed:
            metrics.DRAINING.inc()
            raise Draining
        if self._taken >= self._places:
            metrics.NO_PLACE.inc()
            raise Overloaded
        self._check_key(caller)
        if pipeline_id is not None:
            self._check_pipeline(pipeline_id)
        self._taken += 1
        self._by_key.add(caller.account)
        if pipeline_id is not None:
            self._by_pipeline.add(pipeline_id)
        metrics.CALLS.inc()
        try:
            yield
        finally:
            self._taken -= 1
            self._by_key.remove(caller.account)
            if pipeline_id is not None:
                self._by_pipeline.remove(pipeline_id)
            metrics.CALLS.dec()

    def _check_key(self, caller: Caller) -> None:
        most = self._of_key if caller.concurrency is None else caller.concurrency
        if most is not None and self._by_key[caller.account] >= most:
            metrics.NO_KEY_PLACE.inc()
            raise Overloaded("The key has as many calls in hand as it may have; try again when one has ended.")

    def _check_pipeline(self, pipeline_id: str) -> None:
        narrowed = self._narrowed(pipeline_id)
        most = self._of_one if narrowed is None else min(narrowed, self._of_one)
        if self._by_pipeline[pipeline_id] >= most:
            metrics.NO_PIPELINE_PLACE.inc()
            raise Overloaded("The pipeline has as many calls in hand as it accepts; try again shortly.")
