import pytest

from bench.faults import BenchFailed
from bench.rounds import Round, order, refuse_errors, refuse_records
from bench.target import Burst


def round_of(requests: int, errors: int) -> Round:
    return Round("gateway REST", Burst(requests=requests, seconds=1, errors=errors, latencies={}), 0.1)


def test_each_round_begins_with_another_contender() -> None:
    assert [order(["a", "b", "c"], number) for number in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_rounds_without_a_failed_request_pass() -> None:
    refuse_errors([round_of(10, 0)])


@pytest.mark.parametrize(("requests", "errors"), [(10, 1), (0, 0)])
def test_a_failed_request_or_none_at_all_ends_the_bench(requests: int, errors: int) -> None:
    with pytest.raises(BenchFailed, match="gateway REST"):
        refuse_errors([round_of(10, 0), round_of(requests, errors)])


@pytest.mark.parametrize("kept", [100, 116])
def test_calls_that_were_cut_off_may_have_left_a_record_or_not(kept: int) -> None:
    refuse_records(100, kept, under_way=16)


@pytest.mark.parametrize("kept", [99, 117])
def test_a_lost_record_and_a_second_one_end_the_bench(kept: int) -> None:
    with pytest.raises(BenchFailed, match=f"{kept} complete records"):
        refuse_records(100, kept, under_way=16)
