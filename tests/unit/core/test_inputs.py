import pytest

from gateway.core.inputs import encoded_value, named_values, pixel_value
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.domain.tensors import Value, to_plain
from gateway.errors import InvalidInput, WiringInvalid
from unit.fakes import pipeline

ENCODED = b"encoded"


def media_input(role: InputRole, datatype: str, shape: tuple[int, ...]) -> Input:
    return Input("X", datatype, shape, role)


def taking(role: InputRole, datatype: str, shape: tuple[int, ...] = (1,)) -> Pipeline:
    return pipeline(inputs=(Input("X", datatype, shape, role),))


@pytest.mark.parametrize(
    ("role", "datatype", "given", "elements"),
    [
        (InputRole.TEXT, "BYTES", "words", ["words"]),
        (InputRole.TEXT, "BYTES", ["words"], ["words"]),
        (InputRole.JSON, "BYTES", {"a": [1, None]}, ['{"a":[1,null]}']),
        (InputRole.JSON, "BYTES", "words", ['"words"']),
        (InputRole.JSON, "BYTES", [1, 2], ["[1,2]"]),
        (InputRole.NUMBER, "FP32", 0.5, [0.5]),
        (InputRole.BOOLEAN, "BOOL", True, [True]),
        (InputRole.BOOLEAN, "BOOL", [False], [False]),
    ],
)
def test_a_value_goes_in_by_the_role_of_its_input(
    role: InputRole, datatype: str, given: object, elements: list[object]
) -> None:
    (value,) = named_values(taking(role, datatype), {"X": given})
    assert (value.name, value.datatype, value.shape) == ("X", datatype, (1,))
    assert to_plain(value).data == elements


@pytest.mark.parametrize(
    ("role", "datatype", "given", "message"),
    [
        (InputRole.TEXT, "BYTES", 5, "The input takes text."),
        (InputRole.TEXT, "BYTES", ["a", 5], "The input takes text."),
        (InputRole.TEXT, "BYTES", {"a": 1}, "The input takes text."),
        (InputRole.BOOLEAN, "BOOL", "true", "The input takes true or false."),
        (InputRole.BOOLEAN, "BOOL", 1, "The input takes true or false."),
        (InputRole.NUMBER, "FP32", "0.5", "The input takes numbers from -3.4028235e+38 to 3.4028235e+38 (FP32)."),
    ],
)
def test_a_value_of_another_kind_is_refused(role: InputRole, datatype: str, given: object, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        named_values(taking(role, datatype), {"X": given})
    assert (refused.value.message, refused.value.field) == (message, "inputs.X")


@pytest.mark.parametrize("shape", [(1,), (-1,), (-1, 1), (1, 1, -1)])
def test_media_go_in_as_they_came_in_one_element_and_uncopied(shape: tuple[int, ...]) -> None:
    value = encoded_value(media_input(InputRole.MEDIA, "BYTES", shape), ENCODED)
    assert (value.name, value.datatype, value.shape) == ("X", "BYTES", (1,) * len(shape))
    assert value.only_element() == b"encoded"
    assert value.parts[1] is ENCODED


def test_a_media_input_of_several_elements_is_wired_wrong() -> None:
    with pytest.raises(WiringInvalid) as refused:
        encoded_value(media_input(InputRole.MEDIA, "BYTES", (2,)), ENCODED)
    assert refused.value.field == "X"


@pytest.mark.parametrize(
    ("shape", "fitted"), [((-1, -1, 3), (2, 3, 3)), ((-1, -1, -1, 3), (1, 2, 3, 3)), ((2, 3, 3), (2, 3, 3))]
)
def test_pixels_get_the_batch_dimension_that_the_input_has(shape: tuple[int, ...], fitted: tuple[int, ...]) -> None:
    value = pixel_value(media_input(InputRole.IMAGE, "UINT8", shape), Value("X", "UINT8", (2, 3, 3), (bytes(18),)))
    assert value == Value("X", "UINT8", fitted, (bytes(18),))
