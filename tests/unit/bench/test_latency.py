import pytest

from bench.latency import merged, percentile


def test_a_percentile_is_the_nearest_rank_in_milliseconds() -> None:
    counts = {1000: 50, 2000: 49, 9000: 1}
    assert percentile(counts, 0.5) == 1.0
    assert percentile(counts, 0.51) == 2.0
    assert percentile(counts, 0.99) == 2.0
    assert percentile(counts, 1.0) == 9.0


def test_the_percentile_of_nothing_is_zero() -> None:
    assert percentile({}, 0.99) == 0.0


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_every_percentile_of_one_request_is_that_request(share: float) -> None:
    assert percentile({1500: 1}, share) == 1.5


def test_the_counts_of_rounds_add_up() -> None:
    assert merged([{1: 2, 5: 1}, {5: 3}, {}]) == {1: 2, 5: 4}
