"""Figures, ratios and the report of a run that never was."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import contenders as names
from bench.figures import Figures, figures
from bench.machine import Machine, cpu_model
from bench.ratios import Ratio, ratios
from bench.report import Result, markdown, show, write
from bench.rounds import Round
from bench.synchronous import Synchronous
from bench.target import Burst

ROUNDS = {
    names.DIRECT_HTTP: [(100, None), (200, None), (100, None)],
    names.DIRECT_GRPC: [(100, None), (100, None), (100, None)],
    names.GATEWAY_REST: [(90, 0.045), (180, 0.09), (60, 0.03)],
    names.GATEWAY_GRPC: [(60, 0.06), (70, 0.07), (50, 0.05)],
    names.HAND_WRITTEN: [(50, 0.05), (100, 0.1), (50, 0.05)],
}


def found() -> dict[str, Figures]:
    rounds = [
        Round(name, Burst(requests=requests, seconds=1, errors=0, latencies={1500: requests}), cpu)
        for name, bursts in ROUNDS.items()
        for requests, cpu in bursts
    ]
    return {name: figures(name, rounds) for name in ROUNDS}


@pytest.fixture
def result() -> Result:
    machine = Machine(
        cpu="A CPU",
        cores=2,
        python="3.11.7",
        gateway="0.1.0",
        triton="2.51.0",
        postgresql="18.4",
        http_load="wrk",
        grpc_load="h2load",
    )
    synchronous = Synchronous(
        seconds=3, rounds=3, connections=16, figures=list(found().values()), ratios=ratios(found())
    )
    return Result(machine=machine, media_bytes=36020, synchronous=synchronous)


def test_rates_and_cpu_time_are_the_median_of_the_rounds() -> None:
    rest = found()[names.GATEWAY_REST]
    assert rest.requests_per_second == 90
    assert rest.cpu_us_per_request == pytest.approx(500)
    assert (rest.p50_ms, rest.p99_ms, rest.requests) == (1.5, 1.5, 330)


def test_what_has_no_server_of_ours_has_no_cpu_time() -> None:
    assert found()[names.DIRECT_HTTP].cpu_us_per_request is None


def test_a_ratio_is_the_median_of_the_ratios_within_each_round() -> None:
    rest = ratios(found())[0]
    assert rest.value == pytest.approx(0.9)
    assert (rest.lowest, rest.highest) == (pytest.approx(0.6), pytest.approx(0.9))


def test_the_three_goals_are_those_of_the_design() -> None:
    goals = {each.name: each.goal for each in ratios(found()) if each.goal}
    assert goals == {
        "requests/s: gateway REST / direct HTTP": "≥ 0.85",
        "requests/s: gateway gRPC / direct gRPC": "≥ 0.68",
        "CPU per request: gateway REST / hand-written": "≤ 0.45",
    }


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        ({"at_least": 0.5}, "reached"),
        ({"at_least": 0.6}, "missed by 0.100"),
        ({"at_most": 0.5}, "reached"),
        ({"at_most": 0.45}, "missed by 0.050"),
        ({}, ""),
    ],
)
def test_a_goal_is_reached_or_missed_by_so_much(goal: dict[str, float], verdict: str) -> None:
    assert Ratio(name="a / b", value=0.5, lowest=0.5, highest=0.5, **goal).verdict == verdict


def test_the_markdown_holds_conditions_figures_ratios_and_the_machine(result: Result) -> None:
    text = markdown(result)
    assert "a JPEG of 36020 bytes" in text
    assert "16 connections, 3 interleaved rounds of 3 s each" in text
    assert "| gateway REST | 90 | 1.5 | 1.5 | 500 | 0 |" in text
    assert "| direct HTTP | 100 | 1.5 | 1.5 | – | 0 |" in text
    assert (
        "| CPU per request: gateway REST / hand-written | 0.500 | 0.500 to 0.500 | ≤ 0.45 | missed by 0.050 |" in text
    )
    assert "A CPU, 2 cores" in text


def test_the_terminal_shows_the_same_tables(result: Result) -> None:
    console = Console(file=io.StringIO(), width=120)
    show(result, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "gateway REST / direct HTTP" in shown
    assert "missed by 0.050" in shown


def test_both_files_are_written(result: Result, tmp_path: Path) -> None:
    write(result, tmp_path)
    assert (tmp_path / "result.md").read_text() == markdown(result)
    read = json.loads((tmp_path / "result.json").read_text())
    assert read["machine"]["cores"] == 2
    assert [each["contender"] for each in read["synchronous"]["figures"]] == list(ROUNDS)
    assert read["background"] is None


def test_the_processor_is_named_once() -> None:
    assert cpu_model("processor: 0\nmodel name\t: Some   CPU @ 2 GHz\nmodel name\t: Some CPU\n") == "Some CPU @ 2 GHz"


def test_a_processor_without_a_name_has_none() -> None:
    assert cpu_model("processor\t: 0\nBogoMIPS\t: 100\n") is None
