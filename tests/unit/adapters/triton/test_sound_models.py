"""A model that takes one inference at a time and shows progress is not looked at after each answer."""

import asyncio
import time
from collections.abc import AsyncIterator

import grpc.aio
import msgspec
import pytest

from gateway.adapters.triton.control import TritonControl
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.witness import TritonWitness
from gateway.errors import ModelDied, TritonUnavailable
from unit.fakes import FakeControl, FakeCounting

READ = frozenset(["read"])
#: Seconds after which the backend gives a process up.
GIVEN_UP = 1.0


class Site:
    """A witness over counters that are told what to count."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.counting, self.deaths, self.serial = FakeCounting(), Deaths(), True
        control = TritonControl(channel)
        control.models_of = lambda _: READ  # type: ignore[method-assign]
        control.is_serial = lambda _: self.serial  # type: ignore[method-assign]
        self.witness = TritonWitness(
            self.counting, control, FakeControl(), self.deaths, shared=True, clock=self.counting.clock
        )

    async def answered(self, after: float = 0.01, *, successes: int = 1) -> tuple[str | None, int]:
        """An answer that comes so many seconds later: which model is in doubt, and how many looks it took."""
        self.counting.now += after
        self.counting.counts(successes=successes)
        looks = len(self.counting.looks)
        doubted = await self.witness.doubtful(READ)
        return doubted, len(self.counting.looks) - looks

    async def looked(self) -> int:
        """How often it was looked once what nobody waits for is done."""
        for _ in range(5):
            await asyncio.sleep(0)
        return len(self.counting.looks)


@pytest.fixture
async def site(unused_tcp_port: int) -> AsyncIterator[Site]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}") as channel:
        yield Site(channel)


async def test_two_looks_between_which_a_success_was_counted_spare_the_next_ones(site: Site) -> None:
    assert [await site.answered() for _ in range(5)] == [(None, 1), (None, 1), (None, 0), (None, 0), (None, 0)]


async def test_a_model_that_nobody_else_asks_is_looked_at_after_each_answer(site: Site) -> None:
    assert [await site.answered(5.0) for _ in range(4)] == [(None, 1)] * 4


@pytest.mark.parametrize(("seconds", "looks"), [(0.89, 0), (0.91, 1)])
async def test_what_is_proven_lasts_less_than_a_second_from_the_begin_of_the_earlier_look(
    site: Site, seconds: float, looks: int
) -> None:
    site.counting.takes = 0.2
    began = site.counting.now + 0.01
    await site.answered()
    await site.answered()
    assert await site.answered(began + seconds - site.counting.now) == (None, looks)


async def test_a_process_that_stands_still_is_looked_at_as_soon_as_it_can_be_given_up(site: Site) -> None:
    await site.answered()
    began = site.counting.now
    assert await site.answered() == (None, 1)
    # From now on it is held up: nothing is counted, until it is given up and goes on.
    assert await site.answered(0.4, successes=0) == (None, 0)
    await site.looked()
    site.counting.now = began + GIVEN_UP
    site.counting.counts(failing=GIVEN_UP)
    assert await site.answered(0.0) == ("read", 1)


async def test_under_load_the_next_look_is_taken_in_time_and_nobody_waits(site: Site) -> None:
    await site.answered()
    await site.answered()
    waited = 0
    for _ in range(300):
        waited += (await site.answered())[1]
        await site.looked()
    assert waited == 0
    assert 8 <= len(site.counting.looks) <= 14


async def test_many_short_failures_are_no_death_while_what_is_proven_lasts(site: Site) -> None:
    await site.answered()
    await site.answered()
    for _ in range(100):
        site.counting.counts(failing=0.5)
        assert await site.answered() == (None, 0)
        await site.looked()


@pytest.mark.parametrize("versions", [(), ("2",), ("1", "2")])
async def test_looks_at_other_versions_prove_nothing(site: Site, versions: tuple[str, ...]) -> None:
    await site.answered()
    site.counting.counted = msgspec.structs.replace(site.counting.counted, versions=versions)
    await site.answered()
    assert await site.answered() == (None, 1)


async def test_no_success_proves_nothing(site: Site) -> None:
    assert [await site.answered(successes=0) for _ in range(4)] == [(None, 1)] * 4


async def test_a_model_with_several_instances_is_looked_at_after_each_answer(site: Site) -> None:
    site.serial = False
    assert [await site.answered() for _ in range(4)] == [(None, 1)] * 4


async def test_two_looks_between_which_it_was_loaded_anew_prove_nothing(site: Site) -> None:
    await site.answered(successes=0)
    site.counting.now += 0.01
    site.witness.trust("read", anew=True)
    assert [await site.answered() for _ in range(3)] == [(None, 1), (None, 1), (None, 0)]


async def test_a_look_in_time_that_fails_harms_nobody_and_is_taken_again(site: Site) -> None:
    await site.answered()
    await site.answered()
    site.counting.failure = TritonUnavailable()
    for looks in (3, 4):
        await site.answered(0.4)
        assert await site.looked() == looks
        site.counting.now -= 0.35
    site.counting.now += 1.0
    with pytest.raises(TritonUnavailable):
        await site.answered()


async def test_a_death_that_we_were_told_of_counts_whatever_was_proven(site: Site) -> None:
    await site.answered()
    await site.answered()
    site.deaths.note(ModelDied(instance="read_0"), time.perf_counter())
    assert await site.answered() == ("read", 0)


async def test_all_who_share_a_look_at_a_model_that_somebody_loaded_anew_are_in_doubt(site: Site) -> None:
    await site.answered()
    site.counting.counted, site.counting.now = msgspec.structs.replace(site.counting.counted, successes=0), 2000.0
    assert await asyncio.gather(*(site.witness.doubtful(READ) for _ in range(3))) == ["read"] * 3
    assert await site.witness.doubtful(READ) is None
