from datetime import datetime, timedelta

import pytest

from gateway.domain.calls import Form
from gateway.domain.ids import now, rfc3339
from gateway.domain.runs import Priority
from gateway.errors import InvalidInput
from gateway.limits import MAX_EXECUTE_AFTER
from gateway.wire.calls import asked

PAST = "2020-01-01T12:00:00+02:00"


def body(fields: str) -> bytes:
    return b'{"media":["YWJj"],%b}' % fields.encode()


def test_a_run_in_the_background_may_be_put_first_and_put_off() -> None:
    call = asked("ocr", body(f'"priority":"high","executeAfter":"{PAST}"'), 30, Form.ACCEPTED).call
    assert (call.priority, call.execute_after) == (Priority.HIGH, datetime.fromisoformat(PAST))
    assert not call.goes_on


def test_a_call_that_goes_on_may_be_put_first_too() -> None:
    call = asked("ocr", body('"onTimeout":"continue","priority":"low"'), 30).call
    assert (call.goes_on, call.priority) == (True, Priority.LOW)
    assert asked("ocr", body('"onTimeout":"cancel"'), 30).call == asked("ocr", b'{"media":["YWJj"]}', 30).call


@pytest.mark.parametrize(
    ("fields", "form", "field"),
    [
        ('"priority":"high"', Form.OBSERVATION, "priority"),
        ('"priority":"high","onTimeout":"cancel"', Form.JSON, "priority"),
        (f'"executeAfter":"{PAST}"', Form.OBSERVATION, "executeAfter"),
        ('"priority":"urgent"', Form.ACCEPTED, "priority"),
        ('"onTimeout":"stop"', Form.OBSERVATION, "onTimeout"),
        ('"onTimeout":"continue"', Form.ACCEPTED, "onTimeout"),
        ('"executeAfter":"2020-01-01T12:00:00"', Form.ACCEPTED, "executeAfter"),
        ('"executeAfter":"tomorrow"', Form.ACCEPTED, "executeAfter"),
        ('"executeAfter":1', Form.ACCEPTED, "executeAfter"),
        ('"executeAfter":"0001-01-01T00:00:00+14:00"', Form.ACCEPTED, "executeAfter"),
        ('"executeAfter":"0001-01-01T00:00:00Z"', Form.ACCEPTED, "executeAfter"),
        ('"executeAfter":"9999-12-31T23:59:59-14:00"', Form.ACCEPTED, "executeAfter"),
    ],
)
def test_what_is_no_schedule_of_this_call_is_refused_by_its_field(fields: str, form: Form, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked("ocr", body(fields), 30, form)
    assert refused.value.field == field
    assert "urgent" not in refused.value.message


def test_a_run_is_put_off_for_so_long_and_no_longer() -> None:
    near = now() + timedelta(seconds=MAX_EXECUTE_AFTER - 60)
    assert asked("ocr", body(f'"executeAfter":"{rfc3339(near)}"'), 30, Form.ACCEPTED).call.execute_after is not None
    with pytest.raises(InvalidInput):
        asked("ocr", body(f'"executeAfter":"{rfc3339(near + timedelta(minutes=5))}"'), 30, Form.ACCEPTED)


def test_the_answer_of_a_call_is_its_form_and_its_transform() -> None:
    answers = {asked("ocr", body('"transform":"a"'), 30, form, "k").call.answer for form in (*Form, Form.OBSERVATION)}
    assert answers == {"observation", "json", "accepted", "transform a"}
