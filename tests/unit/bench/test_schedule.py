"""Schedules of faults: drawn from a seed, each part by its weight, none left out."""

from collections import Counter

import pytest

from bench.survival.load import asks
from bench.survival.schedule import SPREAD, STOPPED_FOR, WEIGHTS, Fault, schedule, shares


def drawn(seed: int = 1, **changed: object) -> list[Fault]:
    wanted = {"kills": 200, "stops": 50, "every": 3.0, "lease": 2.0, "seed": seed} | changed
    return schedule(**wanted)  # type: ignore[arg-type]


def test_the_same_seed_draws_the_same_faults_and_another_seed_others() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_there_are_as_many_kills_and_stops_as_were_asked_for() -> None:
    assert Counter(fault.stopped is None for fault in drawn()) == {True: 200, False: 50}


@pytest.mark.parametrize("count", [0, 1, 7, 12, 200, 333])
def test_every_part_has_its_share_and_none_is_left_out_while_there_are_enough(count: int) -> None:
    found = Counter(shares(count, WEIGHTS))
    assert found.total() == count
    assert len(found) == min(count, len(WEIGHTS))


def test_the_more_weight_a_part_has_the_more_often_it_is_struck() -> None:
    found = Counter(shares(200, WEIGHTS))
    assert sorted(WEIGHTS, key=lambda target: (found[target], target)) == sorted(
        WEIGHTS, key=lambda target: (WEIGHTS[target], target)
    )


def test_only_the_parts_that_were_named_are_struck() -> None:
    assert {fault.target for fault in drawn(only=("stub", "host"))} == {"stub", "host"}


def test_what_is_stopped_stays_so_for_longer_than_the_lease() -> None:
    low, high = (2.0 * bound for bound in STOPPED_FOR)
    assert low > 2.0
    assert all(low <= fault.stopped <= high for fault in drawn() if fault.stopped is not None)


def test_pauses_stray_around_their_mean() -> None:
    pauses = [fault.pause for fault in drawn()]
    low, high = (3.0 * bound for bound in SPREAD)
    assert low <= min(pauses) < 3.0 < max(pauses) <= high


def test_calls_have_keys_and_texts_of_their_own() -> None:
    made = asks(300, seed=1, pause=0.1)
    texts = [text for ask in made for text in ask.texts]
    assert len({ask.key for ask in made}) == 300
    assert len(set(texts)) == len(texts)
    assert {len(ask.texts) for ask in made} == {1, 2, 3}
