"""Figures, ratios and the report of runs in the background that never were."""

import pytest

from bench.background.contenders import GATEWAY, HAND_WRITTEN
from bench.background.endings import Ending, refuse_endings
from bench.background.figures import Background, background
from bench.background.rounds import Round, Size, last_end, starts
from bench.background.submitter import Acknowledged, Submission
from bench.faults import BenchFailed
from bench.machine import Machine
from bench.plan import Part, Plan
from bench.report import Result, markdown

SIZE = Size(connections=16, burst=300, rate=40, seconds=5)


def round_of(contender: str, rate: float, microseconds: int) -> Round:
    return Round(
        contender=contender,
        acks_per_second=rate,
        runs_per_second=rate / 2,
        cpu_us_per_run=1e6 / rate,
        starts={microseconds: 99, 10 * microseconds: 1},
        runs=500,
        errors=0,
    )


def measured() -> Background:
    ours = [round_of(GATEWAY, rate, 2000) for rate in (100, 200, 300)]
    theirs = [round_of(HAND_WRITTEN, rate, 4000) for rate in (100, 100, 100)]
    return background(SIZE, 3, [*ours, *theirs])


def ending(run_id: str, state: str = "completed", entries: int = 1) -> Ending:
    return Ending(run_id=run_id, state=state, started_at=10.5, completed_at=11.0, entries=entries)


def test_rates_are_the_median_of_the_rounds_and_starts_those_of_all_runs() -> None:
    ours, theirs = measured().figures
    assert (ours.acks_per_second, ours.runs_per_second, ours.cpu_us_per_run) == (200, 100, 5000)
    assert (ours.start_p50_ms, ours.start_p99_ms, ours.runs, ours.errors) == (2.0, 2.0, 1500, 0)
    assert theirs.start_p50_ms == 4.0


def test_each_ratio_is_the_gateways_over_that_of_the_service_written_by_hand() -> None:
    values = {each.name.partition(":")[0]: each.value for each in measured().ratios}
    assert values == {"acks/s": 2, "runs/s": 2, "CPU per run": 0.5, "start p50": 0.5, "start p99": 0.5}


def test_a_start_is_counted_from_its_own_acknowledgement_and_may_lie_before_it() -> None:
    acknowledged = [Acknowledged("a", 10.25), Acknowledged("b", 10.75)]
    assert starts(acknowledged, [ending("b"), ending("a")]) == {250_000: 1, -250_000: 1}


def test_a_burst_is_over_when_its_last_run_has_ended() -> None:
    assert (
        last_end([ending("a"), Ending(run_id="b", state="failed", started_at=1, completed_at=12.5, entries=0)]) == 12.5
    )


def test_the_rate_of_a_submission_counts_what_was_acknowledged() -> None:
    submission = Submission(acknowledged=[Acknowledged("a", 1.5), Acknowledged("b", 2.0)], errors=1, began=1, ended=2)
    assert submission.rate == 2


def test_runs_that_completed_once_with_one_entry_pass() -> None:
    refuse_endings(2, [ending("a"), ending("b")])


@pytest.mark.parametrize(
    "found",
    [
        [ending("a")],
        [ending("a"), ending("b", entries=2)],
        [ending("a"), ending("b", entries=0)],
        [ending("a"), ending("b", state="failed")],
        [ending("a"), Ending(run_id="b", state="completed", started_at=None, completed_at=1, entries=1)],
    ],
)
def test_a_run_that_is_lost_failed_never_started_or_appended_twice_ends_the_bench(found: list[Ending]) -> None:
    with pytest.raises(BenchFailed, match="2 runs were acknowledged, 1 completed with one entry"):
        refuse_endings(2, found)


def test_the_markdown_of_the_background_alone_has_its_own_conditions_and_tables() -> None:
    machine = Machine(
        cpu="A CPU", cores=2, python="3", gateway="0", triton="2", postgresql="18", http_load="wrk", grpc_load="wrk"
    )
    text = markdown(Result(machine=machine, media_bytes=36020, background=measured()))
    assert "300 runs over 16 connections as fast as they are acknowledged, then 40 runs/s for 5 s" in text
    assert f"| {GATEWAY} | 200 | 100 | 5000 | 2.0 | 2.0 | 1500 | 0 |" in text
    assert "| ratio | median | range of rounds |\n" in text
    assert "executeSync" not in text


@pytest.mark.parametrize(
    ("only", "sync", "background", "steps"),
    [(None, True, True, 63), ("sync", True, False, 45), ("background", False, True, 18)],
)
def test_one_part_can_be_asked_for_alone(only: Part | None, sync: bool, background: bool, steps: int) -> None:
    plan = Plan(seconds=3, rounds=8, connections=16, quick=False, only=only)
    assert (plan.has("sync"), plan.has("background"), plan.steps) == (sync, background, steps)


def test_a_quick_plan_has_one_round_of_each() -> None:
    plan = Plan(seconds=3, rounds=8, connections=16, quick=True, only=None)
    assert (plan.synchronous.rounds, plan.background_rounds) == (1, 1)
    assert plan.background.burst < 100
