import pytest

from gateway.domain.graph import definition, node_type
from gateway.domain.pipelines import Edge, Input, InputRole, Output, OutputRole, Pipeline, Port, Step
from unit.fakes import pipeline


def test_a_graph_leads_from_the_caller_through_the_steps_back_to_the_caller() -> None:
    found = definition(pipeline())
    assert found.pipeline_definition_id == "ocr"
    assert [node.model_id for node in found.nodes] == ["read"]
    assert found.edges == (
        Edge("input-IMAGE-read", "IMAGE", "input", "read", "IMAGE", "IMAGE"),
        Edge("read-OBSERVATION-output", "OBSERVATION", "read", "output", "OBSERVATION", "OBSERVATION"),
    )


def chain(*steps: Step) -> Pipeline:
    return Pipeline(
        pipeline_id="p",
        inputs=(Input("IN", "FP32", (-1,), InputRole.NUMBER),),
        outputs=(Output("OUT", "FP32", (-1,), OutputRole.TENSOR),),
        steps=steps,
    )


def doubling(source: str, target: str) -> Step:
    return Step("double", 2, (Port("X", "FP32", (-1,), source),), (Port("Y", "FP32", (-1,), target),))


def test_a_model_called_again_is_a_node_of_its_own() -> None:
    found = definition(chain(doubling("IN", "a"), doubling("a", "b"), doubling("b", "OUT")))
    assert [(node.model_id, node.model_name, node.model_version) for node in found.nodes] == [
        ("double", "double", 2),
        ("double#2", "double", 2),
        ("double#3", "double", 2),
    ]
    assert [(edge.source, edge.data_handle, edge.target) for edge in found.edges] == [
        ("input", "IN", "double"),
        ("double", "a", "double#2"),
        ("double#2", "b", "double#3"),
        ("double#3", "OUT", "output"),
    ]


def test_one_tensor_may_go_to_several_steps() -> None:
    found = definition(chain(doubling("IN", "a"), doubling("IN", "OUT")))
    assert [(edge.source, edge.target) for edge in found.edges] == [
        ("input", "double"),
        ("input", "double#2"),
        ("double#2", "output"),
    ]


def test_a_tensor_that_nothing_supplies_has_no_edge() -> None:
    found = definition(chain(doubling("nowhere", "OUT")))
    assert [edge.id for edge in found.edges] == ["double-OUT-output"]


@pytest.mark.parametrize(
    ("datatype", "word"),
    [
        ("BYTES", "STRING"),
        *((floating, "FLOAT_TENSOR") for floating in ("FP16", "FP32", "FP64", "BF16")),
        *((whole, "INT_TENSOR") for whole in ("INT64", "UINT8", "BOOL")),
    ],
)
def test_every_datatype_has_a_word_in_the_graph(datatype: str, word: str) -> None:
    assert node_type(datatype) == word
