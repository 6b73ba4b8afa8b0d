"""Mutated media before the real decoders: read, or refused as media, in bounded memory; none breaks or hangs one."""

import os
from collections.abc import AsyncIterator

import pytest

from fuzz.looking import looked_at
from fuzz.mutants import mutants
from fuzz.seeds import seeds
from gateway import metrics
from gateway.adapters.rendering.pool import DecoderPool
from gateway.limits import DECODER_CHILDREN, DECODER_MEMORY, MIB

#: How many pytest tries; `make fuzz` tries more, and others.
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
#: MiB that the process itself may grow by: it holds pages that were rendered, and no media that was unpacked.
GROWTH = 256


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    pool = DecoderPool()
    yield pool
    await pool.close()


async def test_what_is_mutated_was_whole(pool: DecoderPool) -> None:
    verdict = await looked_at(seeds().items(), pool, pool.pids)
    kinds = {name.partition("-")[0] for name in seeds()}
    assert all(verdict.endings[f"{kind} read"] >= 3 for kind in kinds), verdict


def test_the_same_seed_makes_the_same_mutants() -> None:
    assert list(mutants(50, 3)) == list(mutants(50, 3)) != list(mutants(50, 4))


async def test_mutated_media_are_read_or_refused(pool: DecoderPool) -> None:
    crashed = metrics.DECODER_CRASHED._value.get()
    verdict = await looked_at(mutants(MUTANTS, SEED), pool, pool.pids)
    print(verdict)
    assert {ending.split()[1] for ending in verdict.endings} <= {"read", "media.unreadable", "media.limit"}
    assert verdict.children < DECODER_CHILDREN * DECODER_MEMORY / MIB, verdict
    assert verdict.growth < GROWTH, verdict
    assert metrics.DECODER_CRASHED._value.get() == crashed, verdict
