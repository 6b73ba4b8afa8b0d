"""Histories that never were: what the checker must see, and what it must leave alone."""

from collections.abc import Sequence

import msgspec
import pytest

from bench.survival.history import Acknowledged, Findings, History, KeptEntry, KeptRun, check, evidence

SOUND = History(
    asked={"a": ("a0",), "b": ("b0", "b1"), "never": ("n0",)},
    acknowledged=[Acknowledged("a", "1"), Acknowledged("b", "2"), Acknowledged("b", "2")],
    runs=[
        KeptRun(key="a", run_id="1", state="completed"),
        KeptRun(key="b", run_id="2", state="completed", attempt=3),
    ],
    entries=[KeptEntry("1", "a0"), KeptEntry("2", "b0"), KeptEntry("2", "b1")],
)


def found(**changed: Sequence[object]) -> Findings:
    return check(msgspec.structs.replace(SOUND, **changed))


def test_a_history_in_which_every_promise_was_kept_holds() -> None:
    findings = check(SOUND)
    assert findings.holds
    assert (findings.broken, findings.failed) == ({}, {})


def test_an_acknowledged_run_that_the_records_do_not_have_is_lost() -> None:
    assert found(runs=SOUND.runs[:1], entries=SOUND.entries[:1]).broken == {"lost": ["2"]}


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_never_ended_is_open(state: str) -> None:
    runs = [KeptRun(key="a", run_id="1", state=state), SOUND.runs[1]]
    assert found(runs=runs, entries=SOUND.entries[1:]).broken == {"open": ["1"]}


def test_an_entry_that_stands_twice_is_doubled() -> None:
    assert found(entries=[*SOUND.entries, KeptEntry("1", "a0")]).broken == {"doubled": ["1"]}


def test_an_entry_that_is_not_there_is_missing() -> None:
    assert found(entries=SOUND.entries[:2]).broken == {"missing": ["2"]}


def test_one_entry_twice_in_the_place_of_another_is_both() -> None:
    entries = [*SOUND.entries[:2], KeptEntry("2", "b0")]
    assert found(entries=entries).broken == {"doubled": ["2"], "missing": ["2"]}


@pytest.mark.parametrize("text", ["b0", None])
def test_an_entry_with_the_text_of_another_run_is_wrong(text: str | None) -> None:
    assert found(entries=[*SOUND.entries, KeptEntry("1", text)]).broken == {"wrong": ["1"]}


def test_entries_out_of_order_are_wrong() -> None:
    entries = [SOUND.entries[0], SOUND.entries[2], SOUND.entries[1]]
    assert found(entries=entries).broken == {"wrong": ["2"]}


def test_an_entry_of_a_run_that_failed_is_wrong() -> None:
    runs = [KeptRun(key="a", run_id="1", state="failed", code="triton.failed"), SOUND.runs[1]]
    assert found(runs=runs).broken == {"wrong": ["1"]}


def test_an_entry_of_a_run_that_there_is_not_is_wrong() -> None:
    assert found(entries=[*SOUND.entries, KeptEntry("3", "a0")]).broken == {"wrong": ["3"]}


def test_a_key_that_was_answered_with_two_runs_is_split() -> None:
    runs = [*SOUND.runs, KeptRun(key="a", run_id="3", state="completed")]
    acknowledged = [*SOUND.acknowledged, Acknowledged("a", "3")]
    findings = found(runs=runs, acknowledged=acknowledged, entries=[*SOUND.entries, KeptEntry("3", "a0")])
    assert findings.broken == {"split": ["a"]}


def test_a_second_run_of_a_key_that_nobody_was_told_of_splits_it_too() -> None:
    runs = [*SOUND.runs, KeptRun(key="a", run_id="3", state="completed")]
    assert found(runs=runs, entries=[*SOUND.entries, KeptEntry("3", "a0")]).broken == {"split": ["a"]}


def test_a_run_that_nobody_was_told_of_is_held_to_the_same() -> None:
    assert found(acknowledged=SOUND.acknowledged[:1]).holds
    assert found(acknowledged=[], entries=SOUND.entries[:2]).broken == {"missing": ["2"]}


def test_a_run_that_is_kept_under_another_key_than_it_was_promised_for_is_wrong() -> None:
    assert found(acknowledged=[Acknowledged("never", "1")]).broken == {"wrong": ["1"]}


def test_a_run_of_a_key_that_nobody_asked_for_is_wrong() -> None:
    assert found(runs=[*SOUND.runs, KeptRun(key=None, run_id="3", state="failed")]).broken == {"wrong": ["3"]}


def test_runs_that_failed_are_counted_by_their_error_and_break_no_promise() -> None:
    runs = [
        KeptRun(key="a", run_id="1", state="failed", code="triton.failed"),
        KeptRun(key="b", run_id="2", state="timed_out"),
    ]
    findings = found(runs=runs, entries=[])
    assert findings.holds
    assert findings.failed == {"triton.failed": 1, "timed_out": 1}


def test_the_evidence_is_what_was_asked_and_what_is_kept_of_each_run_that_is_named() -> None:
    history = msgspec.structs.replace(SOUND, entries=SOUND.entries[:2])
    assert evidence(history, check(history)) == ["2 (completed, attempt 3): asked ['b0', 'b1'], kept ['b0']"]
    assert evidence(SOUND, check(SOUND)) == []
