from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.domain.ids import EXECUTION_ID, is_uuid, known_form, new_id, now, rfc3339
from gateway.domain.media import Media, given
from gateway.errors import ExecutionNotFound


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 21, 7, 15, 0, 123999, tzinfo=UTC), "2026-11-21T07:15:00.123Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 0, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), "2025-12-31T22:30:00.000Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(moment: datetime, written: str) -> None:
    assert rfc3339(moment) == written


def test_now_knows_that_it_is_utc() -> None:
    assert now().tzinfo is UTC


def test_new_ids_are_version_7_and_sort_by_time() -> None:
    made = [new_id() for _ in range(50)]
    assert made == sorted(made)
    assert len(set(made)) == 50
    assert all(is_uuid(each) and each[14] == "7" for each in made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ocr",
        "019aa000-0000-7000-8000-00000000000",
        "../../etc",
        "urn:uuid:019aa000-0000-7000-8000-000000000000",
        "{019aa000-0000-7000-8000-000000000000}",
        "019aa000000070008000000000000000",
        "019aa000-0000-7000-8000-000000000000\n",
    ],
)
def test_other_texts_name_no_record_of_ours(text: str) -> None:
    assert not is_uuid(text)


@pytest.mark.parametrize("text", ["a", "A.b_c-1", "x" * 128, "...", ".a", "a..", "-"])
def test_a_caller_may_name_an_execution(text: str) -> None:
    assert EXECUTION_ID.fullmatch(text)
    assert known_form(text) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a/b", "a b", "ä", "a\n", ".", "..", "..\n", "\0"])
def test_other_names_of_executions_are_refused(text: str) -> None:
    assert not EXECUTION_ID.fullmatch(text)
    with pytest.raises(ExecutionNotFound):
        known_form(text)


def test_media_of_a_call_are_numbered_in_call_order() -> None:
    assert given([b"a", b"b"]) == (Media("media-1", b"a"), Media("media-2", b"b"))
