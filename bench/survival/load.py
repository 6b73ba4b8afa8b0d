"""The load: runs in the background with keys of their own, each asked for again until somebody promises it."""

import asyncio
import base64
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import httpx
import msgspec

from bench.survival.history import Acknowledged
from bench.survival.models import PIPELINE

#: Seconds that an answer may take; shorter than a process stays stopped, so that a key is asked for twice at once.
ANSWER_TIMEOUT_S: Final = 3.0
#: Seconds between two tries.
PAUSES: Final = (0.05, 0.5)
#: Seconds after which a call gives up.
PATIENCE_S: Final = 180.0
#: How many of ten calls bring one media, two, three.
MEDIA: Final = (6, 3, 1)
#: How far an inference strays from the time that one takes on average.
SPREAD: Final = (0.5, 1.5)
#: Answers that ask to come again.
LATER: Final = frozenset((429, 503))
#: One of so many calls is asked for once more after it was promised.
REPEATED: Final = 20


class Ask(msgspec.Struct, frozen=True):
    """One run that is to be."""

    key: str
    texts: tuple[str, ...]
    #: Seconds that each inference takes at least.
    pause: float

    @property
    def body(self) -> bytes:
        """The call."""
        media = [base64.b64encode(text.encode()).decode() for text in self.texts]
        return msgspec.json.encode({"media": media, "tag": self.key, "runtimeParameters": {"pause": self.pause}})


def asks(count: int, seed: int, pause: float, name: str = "run") -> list[Ask]:
    """Calls with one to three media each, mostly one, whose inferences take so many seconds on average."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        key = f"{name}-{seed}-{number:06}"
        media = chance.choices(range(1, len(MEDIA) + 1), MEDIA)[0]
        texts = tuple(f"{key}/{index}" for index in range(media))
        made.append(Ask(key, texts, round(pause * chance.uniform(*SPREAD), 3)))
    return made


class Load:
    """Sends calls through all doors, and notes what was answered."""

    def __init__(self, doors: Sequence[str], seed: int, *, repeats: bool):
        """`repeats`: a call whose outcome is unknown is asked for again; its key sees to it that it runs once."""
        self._doors = doors
        self._chance = random.Random(seed)
        self._repeats = repeats
        self._client = httpx.AsyncClient(
            timeout=ANSWER_TIMEOUT_S, limits=httpx.Limits(max_connections=None), trust_env=False
        )
        self.asked: dict[str, tuple[str, ...]] = {}
        self.acknowledged: list[Acknowledged] = []
        #: What else was answered, by status and code, and what was not answered at all.
        self.others: Counter[str] = Counter()
        self.given_up: list[str] = []

    async def steady(self, wanted: Sequence[Ask], per_second: float) -> None:
        """Send these at a steady rate, whatever the service does; returns when all have been answered for good."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, ask in enumerate(wanted):
                await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
                group.create_task(self.one(ask))

    async def one(self, ask: Ask) -> None:
        """Ask until it is promised, and now and then once more."""
        self.asked[ask.key] = ask.texts
        await self._until_promised(ask)
        if self._repeats and self._chance.randrange(REPEATED) == 0:
            await self._until_promised(ask)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _until_promised(self, ask: Ask) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            again = await self._try(ask)
            if not again:
                return
            await asyncio.sleep(self._chance.uniform(*PAUSES))
        self.given_up.append(ask.key)

    async def _try(self, ask: Ask) -> bool:
        """Send it once; True where it is to be sent again."""
        door = self._chance.choice(self._doors)
        headers = {"content-type": "application/json", "idempotency-key": ask.key}
        try:
            reply = await self._client.post(
                f"{door}/v1/pipelines/{PIPELINE}/executeAsync", content=ask.body, headers=headers
            )
        except httpx.TransportError as failure:
            self.others[type(failure).__name__] += 1
            return self._again(ask, known=isinstance(failure, httpx.ConnectError))
        if reply.status_code == httpx.codes.ACCEPTED:
            self.acknowledged.append(Acknowledged(ask.key, reply.json()["runId"]))
            return False
        self.others[f"{reply.status_code} {_code(reply)}"] += 1
        if reply.status_code in LATER:
            return self._again(ask, known=reply.status_code == httpx.codes.TOO_MANY_REQUESTS)
        self.given_up.append(ask.key)
        return False

    def _again(self, ask: Ask, *, known: bool) -> bool:
        """Whether to ask again; `known`: this try has certainly brought about no run."""
        if not (known or self._repeats):
            self.given_up.append(ask.key)
        return known or self._repeats


def _code(reply: httpx.Response) -> str:
    """The code of a refusal."""
    try:
        return str(reply.json()["code"])
    except (ValueError, KeyError, TypeError):
        return "without a code"
