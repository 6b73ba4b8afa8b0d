"""Quotas: how many runs of one pipeline a worker may have in hand, and which pipelines have runs that wait for one."""

import itertools
from collections import Counter
from typing import Final

from gateway.core.pipelines import Pipelines

#: How many runs are looked at for one that nobody else has taken meanwhile.
_LOOKS: Final = 8


class Quotas:
    """Counts the runs in hand, pipeline by pipeline."""

    looks: Final = _LOOKS

    def __init__(self, pipelines: Pipelines, most: int):
        self._pipelines = pipelines
        self._most = most
        self._taken: Counter[str] = Counter()
        #: Refusals are numbered; the last one of each pipeline of which runs may wait.
        self._refused: dict[str, int] = {}
        self._numbers = itertools.count(1)

    def take(self, pipeline_id: str) -> bool:
        """Take a place; False where the pipeline has none left, and whoever gives one back looks for the next run."""
        if self._taken[pipeline_id] >= self.most(pipeline_id):
            self._refused[pipeline_id] = next(self._numbers)
            return False
        self._taken[pipeline_id] += 1
        return True

    def give_back(self, pipeline_id: str) -> None:
        """Give a place back."""
        self._taken[pipeline_id] -= 1
        if not self._taken[pipeline_id]:
            del self._taken[pipeline_id]
            self._refused.pop(pipeline_id, None)

    def most(self, pipeline_id: str) -> int:
        """Runs of this pipeline that may be in hand: what its config says, within what the worker's setting says."""
        declared = self._pipelines.concurrency(pipeline_id)
        return self._most if declared is None else min(self._most, declared)

    def full(self, pipeline_id: str) -> bool:
        """Whether one more would find no place."""
        return self._taken[pipeline_id] >= self.most(pipeline_id)

    def last_refused(self, pipeline_id: str) -> int | None:
        """The number of the last run of this pipeline that found no place, and may wait for one."""
        return self._refused.get(pipeline_id)

    def none_waits(self, pipeline_id: str, refused: int) -> None:
        """No run of this pipeline waits any more, unless one found no place after the one of this number."""
        if self._refused.get(pipeline_id) == refused:
            del self._refused[pipeline_id]
