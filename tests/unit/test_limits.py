import pytest

from gateway import limits, settings

NUMBERS = {name: value for name, value in vars(limits).items() if name.isupper()}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_limit_is_a_number_above_zero(name: str) -> None:
    assert NUMBERS[name] > 0


@pytest.mark.parametrize(
    "name",
    [
        "MAX_BODY_BYTES",
        "MAX_SYNC_CALLS",
        "MAX_PIPELINE_CALLS",
        "MAX_INFERENCES",
        "DECODER_CHILDREN",
        "SYNC_TIMEOUT",
        "DRAIN_TIMEOUT",
    ],
)
def test_a_setting_of_the_same_name_changes_a_limit(name: str) -> None:
    assert getattr(settings.Settings(), name.lower()) == NUMBERS[name]


def test_the_usual_timeout_and_page_are_within_what_a_caller_may_ask_for() -> None:
    assert limits.SYNC_TIMEOUT <= limits.MAX_SYNC_TIMEOUT
    assert limits.DEFAULT_PAGE <= limits.MAX_PAGE


def test_an_inference_that_is_left_alone_may_take_longer_than_the_usual_call() -> None:
    assert limits.ABANDONED_INFERENCE_TIMEOUT > limits.SYNC_TIMEOUT
