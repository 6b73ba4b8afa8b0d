"""Whether the process of a model was given up: what it answers afterwards, Triton hands to whoever asks next.

The python backend gives a process up that has shown no sign of life for a second: it lets the inference fail, and
goes on using the process. Where that was only held up, its late answer becomes that of the next inference of the
instance, the next one's that of the one after it, and so on until the model is loaded again. The failure is counted
before the next inference begins, and told before that one is answered. So an answer is its own where nobody has met
such a failure: who has this Triton alone is told of each, and who shares it looks, after each answer, at what was
counted.

A model that takes one inference at a time needs no look after each answer. Where a look finds that successes were
counted since the one before, with no such failure, an inference ended after that one had begun. What the process has
had in hand since, it took up later still, and is not given up for within a second of the begin of that earlier look:
answers until then are their own, and whatever a look before then finds to have failed is harmless. Under load the next
look is taken in time, and nobody waits for one.

Only our own clock counts, and a look begins before Triton reads its counters: the second is taken as too short, never
as too long. A success that is counted late proves no less, as the process takes up nothing before; a failure that came
before it is seen with it, as Triton reads the successes first. Two looks of which a load of ours, or another version,
lies between prove nothing; nor do answers from Triton's cache, so that a model with one is looked at after each answer,
and so is one with several instances, of which any may be held up.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.adapters.triton.control import TritonControl
from gateway.adapters.triton.counters import Counters, Counting
from gateway.adapters.triton.deaths import Deaths
from gateway.errors import GatewayError
from gateway.ports import ModelControl

#: The backend that gives processes up, and how long it waits at the least, in nanoseconds and in seconds.
_BACKEND: Final = "python"
_GIVEN_UP_AFTER: Final = 900_000_000
_SOUND_FOR: Final = _GIVEN_UP_AFTER / 1e9
#: Seconds after the begin of a look in which an answer brings about no other one in advance.
_FRESH_FOR: Final = _SOUND_FOR / 3


class _Look(msgspec.Struct, frozen=True):
    """What was found by a look that began then (perf_counter)."""

    counters: Counters = Counters()
    began: float = 0.0


#: Whether the model is in doubt, or why nobody can say.
_Verdict = bool | GatewayError


class TritonWitness:
    """A `Witness`. Who asks while a look is under way shares the next one with all others."""

    def __init__(
        self,
        counting: Counting,
        control: TritonControl,
        models: ModelControl,
        deaths: Deaths,
        *,
        shared: bool,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self._counting = counting
        self._control = control
        self._models = models
        self._deaths = deaths
        #: Others use this Triton, and may be the ones who were told of a failure: then its counters are asked.
        self._shared = shared
        self._clock = clock
        #: When each model was found, or made, trustworthy; as the deaths are told.
        self._trusted_at: dict[str, float] = {}
        #: The counters that were found harmless last, and the look that was last.
        self._trusted: dict[str, Counters] = {}
        self._seen: dict[str, _Look] = {}
        #: Until when the process of a model is certainly not given up.
        self._sound_until: dict[str, float] = {}
        self._under_way: dict[str, asyncio.Task[_Verdict]] = {}
        self._next: dict[str, asyncio.Task[_Verdict]] = {}

    async def doubtful(self, models: frozenset[str]) -> str | None:
        """See `Witness.doubtful`."""
        if not self._shared:
            # A failure that Triton told before this answer may have been read in the same moment: let it be told.
            await asyncio.sleep(0)
        for instance, begun in self._deaths.met():
            model = self._models.model_of(instance)
            if model in models and begun >= self._trusted_at.get(model, 0.0):
                return model
        return await self._doubtful_by_count(models) if self._shared else None

    async def _doubtful_by_count(self, models: frozenset[str]) -> str | None:
        now, watched = self._clock(), models & self._control.models_of(_BACKEND)
        sound = [model for model in watched if now < self._sound_until.get(model, 0.0)]
        for model in sound:
            self._look_in_time(model, now)
        for model, look in [(model, self._look(model)) for model in sorted(watched.difference(sound))]:
            verdict = await asyncio.shield(look)
            if isinstance(verdict, GatewayError):
                raise verdict
            if verdict:
                return model
        return None

    def trust(self, model: str, *, anew: bool) -> None:
        """See `Witness.trust`."""
        self._trusted_at[model] = self._clock()
        self._trusted[model] = Counters() if anew else self._seen.get(model, _Look()).counters

    def _look_in_time(self, model: str, now: float) -> None:
        """Begin a look that nobody waits for, if none is under way and the last one is not fresh."""
        if now - self._seen[model].began >= _FRESH_FOR and self._under_way[model].done():
            self._look(model)

    def _look(self, model: str) -> "asyncio.Task[_Verdict]":
        """A look that has not begun yet."""
        look = self._next.get(model)
        if look is None:
            look = self._next[model] = asyncio.create_task(self._look_after(model, self._under_way.get(model)))
        return look

    async def _look_after(self, model: str, before: "asyncio.Task[_Verdict] | None") -> _Verdict:
        if before is not None:
            await asyncio.wait((before,))
        self._under_way[model] = self._next.pop(model)
        began = self._clock()
        try:
            found = await self._counting.counters(model)
        except GatewayError as error:
            return error
        earlier, self._seen[model] = self._seen.get(model), _Look(found, began)
        if self._in_doubt(model, found):
            return True
        if earlier is not None and self._shows_progress(model, earlier, found):
            self._sound_until[model] = earlier.began + _SOUND_FOR
        return False

    def _in_doubt(self, model: str, found: Counters) -> bool:
        trusted = self._trusted.get(model, Counters())
        if self._clock() < self._sound_until.get(model, 0.0):
            self._trusted[model] = found
            return False
        if found.successes < trusted.successes or found.failures < trusted.failures:
            # It was loaded anew; the answer may have come before.
            self._trusted[model] = Counters()
            return True
        if found.failing - trusted.failing >= _GIVEN_UP_AFTER:
            return True
        self._trusted[model] = found
        return False

    def _shows_progress(self, model: str, earlier: _Look, found: Counters) -> bool:
        """Whether an inference ended after the earlier look had begun, and none can be in hand that began before."""
        return (
            found.successes > earlier.counters.successes
            and found.versions == earlier.counters.versions
            and len(found.versions) == 1
            and earlier.began >= self._trusted_at.get(model, 0.0)
            and self._control.is_serial(model)
        )
