from gateway.adapters.rates import MemoryRates
from gateway.domain.rates import Rate

HOURLY = Rate(3, 3600)


async def test_calls_are_granted_up_to_the_rate() -> None:
    rates = MemoryRates()
    taken = [await rates.take("key", HOURLY) for _ in range(5)]
    assert [each.granted for each in taken] == [True, True, True, False, False]
    assert [each.remaining for each in taken] == [2, 1, 0, 0, 0]
    assert all(0 < each.reset <= 2 * 3600 for each in taken)


async def test_names_and_rates_are_counted_apart() -> None:
    rates = MemoryRates()
    once = Rate(1, 3600)
    assert (await rates.take("first", once)).granted
    assert (await rates.take("second", once)).granted
    assert (await rates.take("first", HOURLY)).granted
    assert not (await rates.take("first", once)).granted
