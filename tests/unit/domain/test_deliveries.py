from datetime import timedelta

import pytest

from gateway.domain.deliveries import SCHEDULE, Delivery, DeliveryState, Failure, Receipt
from gateway.limits import LONGEST_DELAY
from unit.fakes import START, delivery

REFUSED = Receipt(failure=Failure.REFUSED)
AT = START + timedelta(seconds=1)


def answer(status: int, retry_after: float | None = None) -> Receipt:
    return Receipt(failure=Failure.STATUS, status=status, retry_after=retry_after, excerpt="no")


def waited(after: Delivery) -> float:
    assert after.due_at is not None
    return (after.due_at - AT).total_seconds()


def test_what_was_taken_is_delivered() -> None:
    after = delivery(attempt=1).after(Receipt(status=204, excerpt="thanks"), AT, 0.0)
    assert (after.state, after.due_at, after.ended_at) == (DeliveryState.DELIVERED, None, AT)
    assert (after.last_status, after.last_failure, after.last_excerpt) == (204, None, "thanks")


def test_what_was_not_taken_is_tried_again_over_days_and_then_given_up_visibly() -> None:
    seconds = []
    for attempt in range(1, 10):
        after = delivery(attempt=attempt).after(REFUSED, AT, 0.0)
        assert (after.state, after.ended_at, after.last_failure) == (DeliveryState.PENDING, None, Failure.REFUSED)
        seconds.append(waited(after))
    assert (0.0, *seconds) == SCHEDULE
    last = delivery(attempt=10).after(answer(500), AT, 0.0)
    assert (last.state, last.due_at, last.ended_at) == (DeliveryState.FAILED, None, AT)
    assert (last.last_status, last.last_failure, last.last_excerpt) == (500, Failure.STATUS, "no")


def test_chance_spreads_the_tries_but_never_brings_one_forward() -> None:
    at = [waited(delivery(attempt=3).after(REFUSED, AT, chance)) for chance in (0.0, 0.5, 0.999)]
    assert at[0] == SCHEDULE[3]
    assert at == sorted(set(at))
    assert at[-1] < SCHEDULE[3] * 1.1


@pytest.mark.parametrize(("retry_after", "seconds"), [(None, 5.0), (0.0, 5.0), (60.0, 60.0), (10.0**9, LONGEST_DELAY)])
def test_a_receiver_may_ask_for_more_time_within_bounds(retry_after: float | None, seconds: float) -> None:
    assert waited(delivery(attempt=1).after(answer(503, retry_after), AT, 0.0)) == seconds


@pytest.mark.parametrize("hook_id", ["h", None])
def test_a_receiver_that_is_gone_ends_it_and_its_hook(hook_id: str | None) -> None:
    after = delivery(attempt=1, hook_id=hook_id).after(answer(410), AT, 0.0)
    assert after.state is DeliveryState.FAILED
    assert answer(410).disables_hook


@pytest.mark.parametrize("receipt", [answer(404), answer(500), answer(429), REFUSED, Receipt(status=200)])
def test_nothing_else_disables_a_hook(receipt: Receipt) -> None:
    assert not receipt.disables_hook


@pytest.mark.parametrize(
    "receipt",
    [
        answer(400),
        answer(404),
        answer(500),
        Receipt(failure=Failure.REDIRECT, status=302),
        *(Receipt(failure=each) for each in Failure if each is not Failure.PAYLOAD),
    ],
)
def test_whatever_else_a_hooks_receiver_says_it_is_asked_again(receipt: Receipt) -> None:
    assert delivery(attempt=1).after(receipt, AT, 0.0).state is DeliveryState.PENDING


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (400, DeliveryState.FAILED),
        (401, DeliveryState.FAILED),
        (404, DeliveryState.FAILED),
        (408, DeliveryState.PENDING),
        (425, DeliveryState.PENDING),
        (429, DeliveryState.PENDING),
        (500, DeliveryState.PENDING),
        (503, DeliveryState.PENDING),
    ],
)
def test_the_address_of_one_call_is_not_asked_again_after_a_refusal(status: int, state: DeliveryState) -> None:
    assert delivery(attempt=1, hook_id=None).after(answer(status), AT, 0.0).state is state


def test_what_cannot_be_made_is_not_tried_again() -> None:
    after = delivery(attempt=1).after(Receipt(failure=Failure.PAYLOAD), AT, 0.0)
    assert (after.state, after.last_failure) == (DeliveryState.FAILED, Failure.PAYLOAD)


def test_what_was_given_up_can_be_sent_again_under_the_same_id() -> None:
    given_up = delivery(attempt=10).after(REFUSED, AT, 0.0)
    again = given_up.resent(AT)
    assert (again.delivery_id, again.state, again.attempt) == (given_up.delivery_id, DeliveryState.PENDING, 0)
    assert (again.due_at, again.ended_at) == (AT, None)


def test_an_event_tells_in_headers_what_there_is_to_tell() -> None:
    told = delivery().event
    assert told.headers() == {
        "X-Event-Type": "STATUS_CHANGE",
        "X-Execution-Id": told.execution_id,
        "X-Run-Id": told.run_id,
        "X-Execution-Status": "COMPLETED",
    }


def test_deliveries_to_one_host_and_port_have_one_receiver() -> None:
    urls = (
        "https://Hooks.example:8443/a?b",
        "https://hooks.example:8443/c",
        "https://hooks.example/a",
        "http://[::1]:1/",
    )
    assert [delivery(url=each).receiver for each in urls] == [
        "hooks.example:8443",
        "hooks.example:8443",
        "hooks.example",
        "[::1]:1",
    ]
