import pytest

from gateway.core.rates import Rates
from gateway.domain.access import Caller, Scope
from gateway.domain.rates import Allowance, Rate, rate_of
from gateway.errors import RateLimited
from unit.fakes import FakeRates, call, gateway, pipeline

OF_TWO = Rate(2, 60)


def caller(key: str | None = "key", rate: str | None = None) -> Caller:
    return Caller(owner="acme", scopes=frozenset((Scope.RUN,)), key_id=key, rate=rate)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("600/minute", Rate(600, 60)), ("1/second", Rate(1, 1)), (" 5/hour ", Rate(5, 3600)), ("9/day", Rate(9, 86400))],
)
def test_a_rate_is_a_number_of_calls_in_a_time(text: str, rate: Rate) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "600", "0/minute", "-1/minute", "1/week", "1.5/minute", "1/minute/2", "١/day"])
def test_what_is_no_rate_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(ValueError, match="such as 600/minute"):
        rate_of(text)


async def test_a_rate_is_granted_up_to_its_number_and_not_once_more() -> None:
    rates = Rates(FakeRates(), OF_TWO)
    left = [await rates.of_caller(caller()) for _ in range(3)]
    assert [(each.granted, each.remaining) for each in left if each is not None] == [(True, 1), (True, 0), (False, 0)]
    assert left[2] is not None
    with pytest.raises(RateLimited) as refusal:
        left[2].check()
    assert refusal.value.retry_after == 60


async def test_each_key_has_a_rate_to_itself_and_those_without_a_key_one_by_owner() -> None:
    rates = Rates(FakeRates(), Rate(1, 60))
    for who in (caller("first"), caller("second"), caller(None)):
        allowance = await rates.of_caller(who)
        assert allowance is not None
        assert allowance.granted


async def test_a_key_s_own_rate_comes_before_that_of_the_settings() -> None:
    rates = Rates(FakeRates(), OF_TWO)
    allowance = await rates.of_caller(caller(rate="7/hour"))
    assert allowance is not None
    assert (allowance.rate, allowance.remaining) == (Rate(7, 3600), 6)


async def test_without_any_rate_nothing_is_counted() -> None:
    assert await Rates(FakeRates()).of_caller(caller()) is None


async def test_the_rate_of_a_pipeline_is_counted_for_each_key_of_its_own() -> None:
    rates, narrow = Rates(FakeRates()), pipeline(rate=Rate(1, 60))
    await rates.of_pipeline(caller("first"), narrow)
    await rates.of_pipeline(caller("second"), narrow)
    with pytest.raises(RateLimited):
        await rates.of_pipeline(caller("first"), narrow)
    await rates.of_pipeline(caller("first"), pipeline("other", rate=Rate(1, 60)))
    await rates.of_pipeline(caller("first"), pipeline("free"))


def test_a_refusal_waits_a_second_at_the_least() -> None:
    with pytest.raises(RateLimited) as refusal:
        Allowance(OF_TWO, 0, 0.01, granted=False).check()
    assert refusal.value.retry_after == 1


async def test_a_call_past_the_rate_of_its_pipeline_is_refused_and_leaves_no_record() -> None:
    built = await gateway(pipeline(rate=Rate(1, 60)))
    await built.runs.execute_sync(caller(), call(b"abc"))
    with pytest.raises(RateLimited):
        await built.runs.execute_sync(caller(), call(b"abc"))
    assert len(built.records.finished) == 1
    await built.runs.execute_sync(caller("another"), call(b"abc"))
