from collections.abc import Iterator

import msgspec
import pytest

from gateway import errors
from gateway.core.retrying import failed_tries, heals, last, pause, persistently, spent
from gateway.domain.runs import Attempt, Run, RunError
from gateway.errors import Draining, GatewayError, StorageUnavailable, TritonFailed, TritonUnavailable, WorkerLost
from gateway.limits import FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS
from unit.fakes import Bell, finished_run

HEALS = {
    "auth.unavailable",
    "gateway.draining",
    "pipeline.not_ready",
    "queue.full",
    "rate.limited",
    "storage.unavailable",
    "triton.overloaded",
    "triton.unavailable",
    "worker.lost",
}


def tried(*causes: GatewayError) -> Run:
    """A run that is on its next attempt."""
    past = tuple(Attempt(number=number, error=RunError.of(each)) for number, each in enumerate(causes, 1))
    return msgspec.structs.replace(finished_run().run, attempt=len(past) + 1, past_attempts=past)


def tree(of: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    for each in of.__subclasses__():
        if each.__module__.startswith(errors.__name__):
            yield each
            yield from tree(each)


@pytest.mark.parametrize("kind", sorted(set(tree()), key=lambda each: each.__name__), ids=lambda each: each.__name__)
def test_what_is_away_or_overloaded_heals_and_nothing_else(kind: type[GatewayError]) -> None:
    assert heals(kind()) == (kind.code in HEALS)


@pytest.mark.parametrize("failed", range(MAX_ATTEMPTS + 3))
def test_each_pause_is_at_most_twice_as_long_and_half_of_it_is_chance(failed: int) -> None:
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2**failed)
    pauses = {pause(tried(*[TritonUnavailable()] * failed)) for _ in range(100)}
    assert all(longest / 2 <= each <= longest for each in pauses)
    assert len(pauses) > 1


def test_what_a_stopping_worker_handed_back_is_no_try() -> None:
    run = tried(Draining(), TritonUnavailable(), Draining(), WorkerLost())
    assert failed_tries(run) == 2
    assert run.attempt == 5


def test_an_attempt_that_says_no_cause_is_a_try() -> None:
    assert failed_tries(msgspec.structs.replace(finished_run().run, past_attempts=(Attempt(number=1),))) == 1


@pytest.mark.parametrize(
    ("failed", "is_last", "is_spent"),
    [
        (0, False, False),
        (MAX_ATTEMPTS - 2, False, False),
        (MAX_ATTEMPTS - 1, True, False),
        (MAX_ATTEMPTS, True, True),
        (MAX_ATTEMPTS + 1, True, True),
    ],
)
def test_a_run_has_so_many_tries_and_no_more(failed: int, is_last: bool, is_spent: bool) -> None:
    run = tried(*[WorkerLost()] * failed)
    assert (last(run), spent(run)) == (is_last, is_spent)


class Write:
    """A write that fails with these errors before it succeeds."""

    def __init__(self, *failures: GatewayError):
        self._failures = list(failures)
        self.tries = Bell()

    async def __call__(self) -> str:
        self.tries.ring()
        if self._failures:
            raise self._failures.pop(0)
        return "written"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.retrying.WRITE_RETRY", 0.0)


async def test_a_write_that_succeeds_is_made_once() -> None:
    write = Write()
    assert await persistently(write, 0.0) == "written"
    assert write.tries.times == 1


async def test_a_write_is_repeated_while_the_database_is_away() -> None:
    write = Write(*[StorageUnavailable()] * 3)
    assert await persistently(write, 3600.0) == "written"
    assert write.tries.times == 4


async def test_a_write_is_given_up_when_the_time_is_over() -> None:
    with pytest.raises(StorageUnavailable):
        await persistently(Write(*[StorageUnavailable()] * 1_000_000), 0.001)


async def test_a_write_that_fails_otherwise_is_not_repeated() -> None:
    write = Write(TritonFailed())
    with pytest.raises(TritonFailed):
        await persistently(write, 3600.0)
    assert write.tries.times == 1
