"""Healing of models whose process has died: unloaded and loaded again, one healing of a model at a time.

Triton goes on saying that such a model is ready, and lets each inference that waits for it fail after a second.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

import msgspec

from gateway import metrics
from gateway.errors import GatewayError, ModelDied, PipelineNotReady
from gateway.limits import FIRST_HEALING_PAUSE, HEALED_AFTER, HEALING_TIMEOUT, LONGEST_HEALING_PAUSE
from gateway.ports import ModelControl, Turns, Witness

log = logging.getLogger(__name__)


class Patient(msgspec.Struct):
    """A model that has died at least once."""

    #: When it was last alive again, and until when it is not healed again.
    healed_at: float = -math.inf
    rests_until: float = -math.inf
    pause: float = FIRST_HEALING_PAUSE
    under_way: asyncio.Task[bool] | None = None


class Told:
    """The block of one inference; every inference has one, so it is no generator."""

    __slots__ = ("_among", "models", "scope")

    def __init__(self, among: "set[Told]", models: frozenset[str]):
        self._among = among
        self.models = models
        self.scope = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self.scope.__aenter__()
        self._among.add(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._among.discard(self)
        await self.scope.__aexit__(kind, error, trace)


class Healing:
    """Heals models, and tells the inferences that wait for a dead one."""

    def __init__(
        self,
        control: ModelControl,
        witness: Witness,
        turns: Turns,
        look: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._control = control
        self._witness = witness
        self._turns = turns
        #: Makes the gateway see that the models are ready again.
        self._look = look
        self.clock = clock
        self._patients: dict[str, Patient] = {}
        self._in_hand: set[Told] = set()
        #: Models that we unloaded and that did not load: they stay ours to load.
        self._owed: set[asyncio.Task[None]] = set()

    def told(self, models: frozenset[str]) -> "Told":
        """Have the block end with TimeoutError as soon as one of these models has been healed."""
        return Told(self._in_hand, models)

    async def vouch(self, models: frozenset[str]) -> None:
        """Return where an answer of these models that is in hand is that of what was asked.

        Raises:
            ModelDied: a process may have answered late, and others have got its answers.
            PipelineNotReady, TritonUnavailable: nobody can say.
        """
        model = await self._witness.doubtful(models)
        if model is not None:
            log.warning("model.answers_doubted", extra={"model": model})
            raise ModelDied(model=model)

    async def mend(self, error: PipelineNotReady, models: frozenset[str], begun: float) -> None:
        """Return once what an inference of these models met is healed, if `begun` was before: it may try again.

        Raises:
            PipelineNotReady: `error` itself, where it tells of nothing that is being healed.
            ModelDied: the model cannot be healed now.
        """
        if isinstance(error, ModelDied):
            await self._heal(error, begun)
            return
        patients = [patient for name, patient in self._patients.items() if name in models]
        under_way = [patient.under_way for patient in patients if patient.under_way is not None]
        if under_way:
            await asyncio.wait(under_way)
        if not any(patient.healed_at >= begun for patient in patients):
            raise error

    async def _heal(self, died: ModelDied, begun: float) -> None:
        model = died.model or self._control.model_of(died.instance)
        if model is None:
            log.warning("model.unknown", extra={"instance": died.instance})
            raise died
        patient = self._patients.setdefault(model, Patient())
        if patient.under_way is None:
            if begun < patient.healed_at:
                return
            if (rest := patient.rests_until - self.clock()) > 0:
                raise ModelDied(instance=died.instance, model=model, retry_after=math.ceil(rest))
            patient.under_way = asyncio.create_task(self._course(model, patient))
        # The healing goes on when whoever asked for it has gone: a model must not stay half way.
        if not await asyncio.shield(patient.under_way):
            raise died

    async def _course(self, model: str, patient: Patient) -> bool:
        """One healing; whether the model is alive."""
        if self.clock() - patient.rests_until > HEALED_AFTER:
            patient.pause = FIRST_HEALING_PAUSE
        try:
            return await self._in_turn(model, patient)
        except Exception:
            log.exception("model.healing_broke", extra={"model": model})
            return False
        finally:
            patient.rests_until = self.clock() + patient.pause
            patient.pause = min(2 * patient.pause, LONGEST_HEALING_PAUSE)
            patient.under_way = None

    async def _in_turn(self, model: str, patient: Patient) -> bool:
        async with self._turns.turn(model) as first:
            # What another gateway has healed, now or before we met the death, is only tried again.
            healed = not first or not await self._control.has_failed(model)
            alive = healed or await self._load_again(model)
        if alive:
            await self._risen(model, patient)
        return alive

    async def _load_again(self, model: str) -> bool:
        log.warning("model.healing", extra={"model": model})
        try:
            await self._control.unload(model)
        except GatewayError as error:
            metrics.NOT_HEALED.inc()
            log.warning("model.not_healed", extra={"model": model, "code": error.code})
            self._witness.trust(model, anew=False)
            return False
        if await self._load(model):
            return True
        owed = asyncio.create_task(self._load_sometime(model))
        self._owed.add(owed)
        owed.add_done_callback(self._owed.discard)
        return False

    async def _load(self, model: str) -> bool:
        try:
            await self._control.load(model)
        except GatewayError as error:
            metrics.NOT_HEALED.inc()
            log.warning("model.not_loaded", extra={"model": model, "code": error.code})
            return False
        metrics.HEALED.inc()
        log.info("model.healed", extra={"model": model})
        return True

    async def _load_sometime(self, model: str) -> None:
        """Load a model that we unloaded, however often it takes."""
        pause = FIRST_HEALING_PAUSE
        while True:
            await asyncio.sleep(pause)
            if await self._load(model):
                await self._risen(model, self._patients[model])
                return
            pause = min(2 * pause, LONGEST_HEALING_PAUSE)

    async def _risen(self, model: str, patient: Patient) -> None:
        """The model is alive: inferences that may still stand in the dead one's queue are told."""
        self._witness.trust(model, anew=True)
        await self._look()
        patient.healed_at = self.clock()
        now = asyncio.get_running_loop().time()
        for each in self._in_hand:
            if model in each.models:
                each.scope.reschedule(now)

    async def close(self) -> None:
        """Let what is under way end."""
        for owed in self._owed:
            owed.cancel()
        under_way = [each.under_way for each in self._patients.values() if each.under_way is not None]
        if under_way:
            await asyncio.wait(under_way, timeout=HEALING_TIMEOUT)
