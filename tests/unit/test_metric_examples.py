"""What asks for metrics (the documentation, the dashboard, the rules, the example for KEDA) asks for what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from places import ROOT
from unit.metric_names import EXPOSED

DOCS = (ROOT / "docs" / "metrics.md").read_text()
BY_SERIES = {series: metric for metric in EXPOSED for series in metric.series}
_NAME = re.compile(r"\bgateway_[a-z0-9_]+\b")
_RATE = re.compile(r"\b(?:rate|increase)\((gateway_[a-z0-9_]+)")
_SELECTED = re.compile(r"\b(gateway_[a-z0-9_]+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_BY = re.compile(r"\bby \(([^)]*)\)")
#: Labels that Prometheus adds, and that of buckets.
_ADDED = {"job", "instance", "le"}


def expressions(found: Any) -> Iterator[str]:
    """Every expression below a part of a document."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in {"expr", "query"} and isinstance(value, str) and "gateway_" in value:
                yield value
            else:
                yield from expressions(value)
    elif isinstance(found, list):
        for each in found:
            yield from expressions(each)


def of_file(path: Path) -> list[str]:
    """The expressions of one example."""
    text = path.read_text()
    return list(expressions(json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)))


EXAMPLES = {
    name: of_file(ROOT / "examples" / name)
    for name in ("grafana/gateway.json", "prometheus/rules.yml", "keda/worker.yml")
}
ASKED = [(name, each) for name, found in EXAMPLES.items() for each in found]


@pytest.mark.parametrize(("name", "expression"), ASKED)
def test_an_expression_asks_for_series_that_there_are(name: str, expression: str) -> None:
    asked = _NAME.findall(expression)
    assert asked
    assert set(asked) <= set(BY_SERIES), name


@pytest.mark.parametrize(("name", "expression"), ASKED)
def test_rates_are_of_what_is_counted_and_counts_are_seen_as_rates(name: str, expression: str) -> None:
    rated = set(_RATE.findall(expression))
    counted = {each for each in _NAME.findall(expression) if BY_SERIES[each].kind != "gauge"}
    assert rated == counted, name


@pytest.mark.parametrize(("name", "expression"), ASKED)
def test_labels_are_those_of_the_metric(name: str, expression: str) -> None:
    of_all: set[str] = set(_ADDED)
    for series, selected in _SELECTED.findall(expression):
        labels = {*BY_SERIES[series].labels, *_ADDED}
        assert set(_LABEL.findall(re.sub(r'"[^"]*"', '""', selected))) <= labels, name
        of_all |= labels
    for grouped in _BY.findall(expression):
        assert {each.strip() for each in grouped.split(",")} <= of_all, name


def test_every_example_asks_for_something() -> None:
    assert {name: bool(found) for name, found in EXAMPLES.items()} == dict.fromkeys(EXAMPLES, True)


def test_the_dashboard_shows_every_metric() -> None:
    shown = {BY_SERIES[each].name for found in EXAMPLES["grafana/gateway.json"] for each in _NAME.findall(found)}
    assert shown == {each.name for each in EXPOSED}


def test_the_panels_of_the_dashboard_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads((ROOT / "examples" / "grafana" / "gateway.json").read_text())["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    cells = [
        (x, y)
        for each in panels
        for x in range(each["gridPos"]["x"], each["gridPos"]["x"] + each["gridPos"]["w"])
        for y in range(each["gridPos"]["y"], each["gridPos"]["y"] + each["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("metric", EXPOSED, ids=lambda each: each.name)
def test_the_page_tells_of_every_metric_as_it_is(metric: Any) -> None:
    labels = ", ".join(f"`{each}`" for each in metric.labels) or "–"
    assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.says} |\n" in DOCS


def test_the_page_tells_of_no_other() -> None:
    named = set(re.findall(r"`(gateway_[a-z0-9_]+)`", DOCS))
    assert named == {each.name for each in EXPOSED}
