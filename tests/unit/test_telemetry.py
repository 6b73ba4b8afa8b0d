import asyncio
import json
import logging
from pathlib import Path

from gateway.telemetry import JsonFormatter, about, note


def line(**fields: object) -> dict[str, object]:
    record = logging.LogRecord("gateway.core", logging.INFO, __file__, 1, "run.%s", ("failed",), None)
    vars(record).update(fields)
    found: dict[str, object] = json.loads(JsonFormatter().format(record))
    return found


def test_a_line_is_one_object_with_time_level_event_and_fields() -> None:
    found = line(run_id="r", count=3)
    time = found.pop("time")
    assert isinstance(time, str)
    assert time.endswith("+00:00")
    assert found == {"level": "info", "event": "run.failed", "logger": "gateway.core", "run_id": "r", "count": 3}


def test_what_json_has_no_form_for_is_written_as_its_text() -> None:
    assert line(path=Path("a"))["path"] == "a"


def test_an_exception_stands_in_the_same_line() -> None:
    found = line(exc_info=(ValueError, ValueError("bad"), None))
    assert "ValueError: bad" in str(found["exception"])
    assert "\n" not in json.dumps(found)


async def test_lines_carry_what_is_being_worked_on_in_tasks_too() -> None:
    async def within() -> dict[str, object]:
        return line()

    with about(request_id="q"):
        note(run_id="r")
        found = await asyncio.create_task(within())
        assert (found["request_id"], found["run_id"]) == ("q", "r")
        with about(run_id="s"):
            assert (line()["request_id"], line()["run_id"]) == ("q", "s")
            assert line(run_id="own")["run_id"] == "own"
        assert line()["run_id"] == "r"
    note(run_id="lost")
    assert "run_id" not in line()
