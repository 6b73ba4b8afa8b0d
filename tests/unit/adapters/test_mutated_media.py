"""Mutated media before the decoder: each is read or refused as media, in bounded memory; none crashes or hangs it."""

import os

import pytest

from fuzz.looking import looked_at
from fuzz.mutants import mutants
from fuzz.seeds import seeds
from gateway.adapters.images import PillowDecoder

#: How many pytest tries; `make fuzz` tries more, and others.
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "1000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
#: MiB above the beginning: an image of the largest size that is taken, in its several forms.
MEMORY = 1024


async def test_what_is_mutated_was_whole() -> None:
    verdict = await looked_at([each for each in seeds().items() if not each[0].startswith("pdf")], PillowDecoder())
    assert all(ending.endswith(" read") for ending in verdict.endings)


def test_the_same_seed_makes_the_same_mutants() -> None:
    assert list(mutants(50, 3)) == list(mutants(50, 3)) != list(mutants(50, 4))


# What Pillow says of a damaged file beside refusing it.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
async def test_mutated_media_are_read_or_refused() -> None:
    verdict = await looked_at(mutants(MUTANTS, SEED), PillowDecoder())
    assert sum(verdict.endings.values()) == MUTANTS
    assert {ending.split()[1] for ending in verdict.endings} <= {"read", "media.unreadable", "media.limit"}
    assert verdict.peak < MEMORY, verdict
