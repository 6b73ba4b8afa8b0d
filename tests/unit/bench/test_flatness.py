"""Trends of measures that never were."""

from collections.abc import Sequence

import pytest

from bench.survival.flatness import Trend, trends

RSS = ("host", "RSS MiB")


def trend(values: Sequence[float]) -> Trend:
    (found,) = trends([{RSS: value} for value in values])
    return found


def test_a_trend_goes_from_the_median_of_the_first_third_to_that_of_the_last() -> None:
    found = trend([100, 100, 900, 300, 300, 300, 110, 120, 130])
    assert (found.process, found.measure, found.first, found.last, found.highest) == (*RSS, 100, 120, 900)
    assert found.growth == pytest.approx(0.2)


@pytest.mark.parametrize(("last", "flat"), [(50, True), (105, True), (106, False)])
def test_memory_that_grows_by_more_than_five_percent_is_not_flat(last: float, flat: bool) -> None:
    assert trend([100, 100, last]).flat is flat


@pytest.mark.parametrize(("first", "last", "flat"), [(0, 2, True), (0, 3, False), (100, 107, True), (100, 108, False)])
def test_a_count_may_grow_by_two_more(first: float, last: float, flat: bool) -> None:
    (found,) = trends([{("host", "sockets"): value} for value in (first, first, last)])
    assert found.flat is flat


def test_a_measure_that_a_sample_lacks_has_no_trend() -> None:
    assert trends([{RSS: 1}, {}, {RSS: 1}]) == []
