"""A model that is loading and has no process hangs; Triton is restarted for it, but not for ever."""

from pathlib import Path

import pytest

from gateway.adapters.supervisor.hung import Hung
from gateway.adapters.supervisor.stuck import RESTARTS, STUCK_LOOKS, Stuck, models_of

NONE: frozenset[str] = frozenset()


@pytest.fixture
def stuck(tmp_path: Path) -> Stuck:
    """Over a model, an ensemble, and a model with an environment of its own."""
    configs = {"model": "", "ensemble": 'platform: "ensemble"', "own": 'parameters: { key: "EXECUTION_ENV_PATH" }'}
    for name, config in configs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.pbtxt").write_text(config)
    return Stuck(tmp_path, "no-mark")


def see(stuck: Stuck, name: str, looks: int = STUCK_LOOKS, alive: frozenset[str] | None = NONE) -> None:
    for _ in range(looks):
        stuck.note({name: "LOADING"}, alive)


def test_a_model_without_a_process_hangs_only_after_several_looks(stuck: Stuck) -> None:
    see(stuck, "model", STUCK_LOOKS - 1)
    assert stuck.judge() == []
    see(stuck, "model", 1)
    assert stuck.names == {"model"}
    with pytest.raises(Hung, match="died while it loaded: model"):
        stuck.judge()


def test_a_process_that_is_seen_once_starts_the_count_anew(stuck: Stuck) -> None:
    see(stuck, "model", STUCK_LOOKS - 1)
    see(stuck, "model", 1, alive=frozenset({"model"}))
    see(stuck, "model", STUCK_LOOKS - 1)
    assert stuck.names == NONE


@pytest.mark.parametrize("name", ["ensemble", "own", "not in the repository"])
def test_what_needs_no_process_yet_does_not_hang(stuck: Stuck, name: str) -> None:
    see(stuck, name)
    assert stuck.names == NONE


def test_where_a_process_cannot_be_assigned_nobody_hangs(stuck: Stuck) -> None:
    see(stuck, "model", alive=None)
    assert stuck.names == NONE


def test_a_model_that_was_never_ready_is_worth_one_restart(stuck: Stuck) -> None:
    see(stuck, "model")
    with pytest.raises(Hung):
        stuck.judge()
    stuck.begin()
    assert stuck.judge() == []
    see(stuck, "model")
    assert stuck.judge() == ["model"]
    assert stuck.judge() == [], "it is said once"


def test_each_time_it_is_ready_it_is_worth_two_more(stuck: Stuck) -> None:
    for _ in range(2):
        stuck.note({"model": "READY"}, NONE)
        see(stuck, "model")
        for _ in range(RESTARTS):
            with pytest.raises(Hung):
                stuck.judge()
        assert stuck.judge() == ["model"]


def test_models_are_known_by_the_command_lines_of_their_processes() -> None:
    def line(path: str) -> list[str]:
        return ["/backends/python/stub", path, "mark"]

    inside = [line("/models/one/1/model.py"), line("/models/two/3/model.py")]
    assert models_of(inside, Path("/models")) == {"one", "two"}
    assert models_of([*inside, line("/tmp/given/1/model.py")], Path("/models")) is None
