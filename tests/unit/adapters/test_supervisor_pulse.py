"""A Triton that does not answer for long hangs; one that is late, new, or was not asked does not."""

import pytest

from gateway.adapters.supervisor.hung import Hung
from gateway.adapters.supervisor.pulse import FIRST_ANSWER_S, SILENT_AFTER_S, Pulse


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Pulse:
    """A pulse whose clock starts at 0."""
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    return Pulse("127.0.0.1", 1)


def silent_for(pulse: Pulse, seconds: float, since: float = 0.0) -> None:
    for look in range(1, int(seconds // 3) + 1):
        pulse.note(alive=False, now=since + 3 * look)


def test_thirty_seconds_without_an_answer_are_a_hang(pulse: Pulse) -> None:
    pulse.note(alive=True, now=0.0)
    silent_for(pulse, SILENT_AFTER_S - 3)
    with pytest.raises(Hung, match="has not answered for 30 s"):
        pulse.note(alive=False, now=SILENT_AFTER_S)


def test_one_answer_and_the_count_begins_anew(pulse: Pulse) -> None:
    pulse.note(alive=True, now=0.0)
    silent_for(pulse, SILENT_AFTER_S - 3)
    pulse.note(alive=True, now=SILENT_AFTER_S)
    silent_for(pulse, SILENT_AFTER_S - 3, since=SILENT_AFTER_S)


def test_the_very_first_start_is_left_to_its_own_deadline(pulse: Pulse) -> None:
    silent_for(pulse, 10 * FIRST_ANSWER_S)


def test_a_restart_has_longer_for_its_first_answer(pulse: Pulse) -> None:
    pulse.note(alive=True, now=0.0)
    pulse.begin()
    silent_for(pulse, FIRST_ANSWER_S - 3)
    with pytest.raises(Hung, match="has not answered for 60 s"):
        pulse.note(alive=False, now=FIRST_ANSWER_S)


def test_a_gateway_that_stood_still_itself_does_not_blame_triton(pulse: Pulse) -> None:
    pulse.note(alive=True, now=0.0)
    pulse.note(alive=False, now=3600.0)
    pulse.note(alive=False, now=3603.0)
