"""The metrics: their names, their labels, and the numbers of several processes in one folder."""

import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import exposition
from gateway.core.waiting import Waiting
from gateway.domain.access import ANYONE
from gateway.errors import Overloaded, StorageUnavailable
from unit.fakes import FakeRecords, FakeRuns, gateway
from unit.metric_names import EXPOSED, Shown

Numbers = Mapping[str, float]


def numbers(page: bytes) -> Numbers:
    """Every number of a page, by its name and labels."""
    families = text_string_to_metric_families(page.decode())
    return {
        each.name + "".join(f"|{value}" for _, value in sorted(each.labels.items())): each.value
        for family in families
        for each in family.samples
    }


def in_place(folder: Path, place: int, work: str) -> Numbers:
    """The page that a process at this place shows when it has done its work."""
    code = f"""
import sys
from pathlib import Path
from gateway import exposition, metrics
early = metrics.method("rest", "GET /early")
early.answered("200", 1.0)
exposition.share(Path({str(folder)!r}), {place})
{work}
sys.stdout.buffer.write(exposition.page())
"""
    return numbers(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


@pytest.mark.parametrize("metric", EXPOSED, ids=lambda each: each.name)
def test_a_name_says_whose_it_is_and_its_unit(metric: Shown) -> None:
    assert metric.name.startswith("gateway_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert metric.says.endswith(".")
    assert len(metric.says) > 20


def test_names_are_there_once() -> None:
    names = [each.name for each in EXPOSED]
    assert len(set(names)) == len(names)


def test_a_page_has_every_metric_with_its_sentence() -> None:
    page = exposition.page().decode()
    for metric in EXPOSED:
        assert f"# HELP {metric.name} {metric.says}\n" in page
        assert f"# TYPE {metric.name} {metric.kind}\n" in page
    assert "_created" not in page


def test_any_process_answers_for_all_of_the_folder(tmp_path: Path) -> None:
    in_place(tmp_path, 1, "metrics.NO_PLACE.inc(3); early.answered('200', 0.5); metrics.DECODE.observe(0.5)")
    found = in_place(tmp_path, 2, "metrics.NO_PLACE.inc(4); early.answered('200', 1.5); early.answered('404', 1)")
    assert found["gateway_rejected_calls_total|places"] == 7
    assert found["gateway_requests_total|200|rest|GET /early"] == 2
    assert found["gateway_requests_total|404|rest|GET /early"] == 1
    assert found["gateway_request_seconds_sum|rest|GET /early"] == 3
    assert found["gateway_request_seconds_count|rest|GET /early"] == 3
    assert found["gateway_part_seconds_count|decode"] == 1
    assert found["gateway_calls_in_hand"] == 0


def test_who_takes_the_place_of_a_dead_process_counts_on_and_has_nothing_in_hand(tmp_path: Path) -> None:
    in_place(tmp_path, 0, "")
    before = in_place(tmp_path, 1, "metrics.RETRIED.inc(5); metrics.CALLS.inc(2); metrics.QUEUED.set(9)")
    exposition.leave(tmp_path, 1)
    after = in_place(tmp_path, 1, "metrics.RETRIED.inc()")
    assert (before["gateway_calls_in_hand"], after["gateway_calls_in_hand"]) == (2, 0)
    assert after["gateway_retried_attempts_total"] == 6
    assert after["gateway_queued_runs"] == 9
    fallen = [name for name, number in before.items() if "_total" in name and after.get(name, 0) < number]
    assert [each for each in fallen if "process" not in each] == []


def test_a_new_folder_clears_what_gateways_that_are_gone_have_left(tmp_path: Path) -> None:
    (tmp_path / "metrics" / "999999999").mkdir(parents=True)
    (tmp_path / "metrics" / "1").mkdir()
    folder = exposition.new_folder(tmp_path)
    assert sorted(each.name for each in (tmp_path / "metrics").iterdir()) == sorted(["1", folder.name])
    assert exposition.new_folder(tmp_path) == folder


async def test_the_queue_is_looked_at_once_a_second_at_the_most_and_is_no_number_where_nobody_knows() -> None:
    records = FakeRecords()
    store = FakeRuns(records)
    store.waiting = 4
    waiting = Waiting(store)
    await waiting.measure()
    await waiting.measure()
    assert store.measured == 1
    found = numbers(exposition.page())
    assert (found["gateway_queued_runs"], found["gateway_delayed_runs"], found["gateway_running_runs"]) == (4, 2, 1)
    assert found["gateway_oldest_queued_run_seconds"] == 7.5
    records.failure = StorageUnavailable()
    await Waiting(store).measure()
    assert math.isnan(numbers(exposition.page())["gateway_queued_runs"])


async def test_places_in_hand_and_refusals_are_counted() -> None:
    built = await gateway(places=1)
    before = numbers(exposition.page())
    with built.admission.place(ANYONE, "ocr"):
        assert numbers(exposition.page())["gateway_calls_in_hand"] == before["gateway_calls_in_hand"] + 1
        with pytest.raises(Overloaded), built.admission.place(ANYONE, "ocr"):
            pass
    after = numbers(exposition.page())
    assert after["gateway_calls_in_hand"] == before["gateway_calls_in_hand"]
    name = "gateway_rejected_calls_total|places"
    assert after[name] == before[name] + 1
