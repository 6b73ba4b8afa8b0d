import pytest

from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.errors import InvalidInput
from unit.fakes import MEDIA_INPUT, pipeline

PROMPT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT)
LIMIT = Input("LIMIT", "INT32", (1,), InputRole.NUMBER, optional=True)
PIXELS = Input("PIXELS", "UINT8", (-1, -1, 3), InputRole.IMAGE)


def asked() -> Pipeline:
    return pipeline(inputs=(PROMPT, MEDIA_INPUT, LIMIT))


def test_the_media_goes_to_its_input_and_the_others_are_given_by_name() -> None:
    assert asked().media_input == MEDIA_INPUT
    assert list(asked().named_inputs) == ["PROMPT", "LIMIT"]


def test_an_image_input_takes_media_too() -> None:
    assert pipeline(inputs=(PIXELS,)).media_input == PIXELS


def test_only_the_first_media_input_takes_the_media() -> None:
    both = pipeline(inputs=(MEDIA_INPUT, PIXELS))
    assert both.media_input == MEDIA_INPUT
    assert list(both.named_inputs) == ["PIXELS"]


@pytest.mark.parametrize("given", [{"PROMPT": "x"}, {"PROMPT": "x", "LIMIT": 3}])
def test_a_call_may_leave_out_what_is_optional(given: dict[str, object]) -> None:
    asked().check_inputs(given, media=2)


@pytest.mark.parametrize(
    ("given", "media", "field"),
    [
        ({"PROMPT": "x", "WRONG": 1}, 1, "inputs.WRONG"),
        ({"PROMPT": "x", "not shown": 1}, 1, None),
        ({"PROMPT": "x", "IMAGE": "y"}, 1, "inputs.IMAGE"),
        ({"LIMIT": 3}, 1, "inputs.PROMPT"),
        ({}, 1, "inputs.PROMPT"),
        ({"PROMPT": "x"}, 0, "media"),
    ],
)
def test_unknown_and_missing_inputs_are_refused_by_name(
    given: dict[str, object], media: int, field: str | None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked().check_inputs(given, media)
    assert refused.value.field == field


def test_media_for_a_pipeline_that_takes_none_is_refused() -> None:
    without = pipeline(inputs=(PROMPT,))
    without.check_inputs({"PROMPT": "x"}, media=0)
    with pytest.raises(InvalidInput, match="takes no media") as refused:
        without.check_inputs({"PROMPT": "x"}, media=1)
    assert refused.value.field == "media"
