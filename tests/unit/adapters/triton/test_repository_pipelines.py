import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from gateway.adapters.triton.repository import pipeline
from gateway.domain.pipelines import Input, InputRole, Output, OutputRole, Pipeline, PipelineStatus, Port, Step

ENSEMBLE = """
name: "ocr"
platform: "ensemble"
input [ { name: "IMAGE" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "OBSERVATION" data_type: TYPE_STRING dims: [ 1 ] } ]
ensemble_scheduling {
  step [
    { model_name: "decode" model_version: -1
      input_map { key: "IN" value: "IMAGE" } output_map { key: "PIXELS" value: "pixels" } },
    { model_name: "read" model_version: 3
      input_map { key: "PIXELS" value: "pixels" } output_map { key: "OUT" value: "OBSERVATION" } }
  ]
}
parameters { key: "gateway.description" value: { string_value: "Reads." } }
parameters { key: "gateway.tag" value: { string_value: "documents" } }
parameters { key: "other.description" value: { string_value: "not ours" } }
"""
DECODE = """
name: "decode" max_batch_size: 8
input [ { name: "IN" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "PIXELS" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]
"""


def config(text: str) -> model_config_pb2.ModelConfig:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def derived(text: str, *steps: str) -> Pipeline:
    configs = {each.name: each for each in map(config, steps)}
    versions = {"decode": "2", "read": "7"}
    return pipeline(config(text), configs, versions, PipelineStatus.READY, "")


def of_tensors(tensors: str) -> Pipeline:
    return derived(f'name: "p" platform: "ensemble" {tensors}')


def roles(tensors: str) -> list[str]:
    return [str(each.role) for each in of_tensors(tensors).inputs]


def test_an_ensemble_with_nothing_declared_is_a_pipeline() -> None:
    found = derived(ENSEMBLE, DECODE)
    assert found.pipeline_id == "ocr"
    assert (found.description, found.tag, found.version) == ("Reads.", "documents", 0)
    assert found.inputs == (Input("IMAGE", "BYTES", (1,), InputRole.MEDIA),)
    assert found.outputs == (Output("OBSERVATION", "BYTES", (1,), OutputRole.AUTO),)
    assert not found.decoupled


def test_steps_show_the_tensors_of_their_models_as_far_as_they_are_known() -> None:
    assert derived(ENSEMBLE, DECODE).steps == (
        Step(
            "decode",
            -1,
            (Port("IN", "BYTES", (-1, 1), "IMAGE"),),
            (Port("PIXELS", "UINT8", (-1, -1, -1, 3), "pixels"),),
        ),
        Step("read", 3, (Port("PIXELS", "", (), "pixels"),), (Port("OUT", "", (), "OBSERVATION"),)),
    )


def test_a_pinned_version_is_the_one_that_answers() -> None:
    assert derived(ENSEMBLE).model_versions == {"decode": "2", "read": "3"}


def test_status_and_reason_are_handed_on() -> None:
    found = pipeline(config(ENSEMBLE), {}, {"decode": None}, PipelineStatus.UNAVAILABLE, "unloaded")
    assert (found.status, found.reason, found.model_versions) == (PipelineStatus.UNAVAILABLE, "unloaded", {"read": "3"})


def test_a_batch_dimension_comes_before_the_others() -> None:
    found = of_tensors(
        'max_batch_size: 4 input { name: "A" data_type: TYPE_FP32 dims: [ 3 ] }'
        ' output { name: "B" data_type: TYPE_INT64 dims: [ -1, 2 ] }'
    )
    assert found.inputs[0].shape == (-1, 3)
    assert found.outputs[0].shape == (-1, -1, 2)


def test_an_optional_input_is_optional() -> None:
    found = of_tensors(
        'input [ { name: "A" data_type: TYPE_FP32 dims: [ 1 ] optional: true },'
        ' { name: "B" data_type: TYPE_FP32 dims: [ 1 ] } ]'
    )
    assert [each.optional for each in found.inputs] == [True, False]


@pytest.mark.parametrize(
    ("tensors", "found"),
    [
        ('input { name: "A" data_type: TYPE_STRING dims: [ 1 ] }', ["media"]),
        (
            'input [ { name: "A" data_type: TYPE_FP32 dims: [ 1 ] }, { name: "B" data_type: TYPE_STRING dims: [ 1 ] },'
            ' { name: "C" data_type: TYPE_STRING dims: [ 1 ] }, { name: "D" data_type: TYPE_BOOL dims: [ 1 ] } ]',
            ["number", "media", "text", "boolean"],
        ),
        ('input { name: "A" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] }', ["image"]),
        ('input { name: "A" data_type: TYPE_UINT8 dims: [ 1, 224, 224, 3 ] }', ["image"]),
        ('input { name: "A" data_type: TYPE_UINT8 dims: [ 3, 224, 224 ] }', ["number"]),
        ('input { name: "A" data_type: TYPE_UINT8 dims: [ -1 ] }', ["number"]),
        (
            'input [ { name: "A" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] },'
            ' { name: "B" data_type: TYPE_STRING dims: [ 1 ] } ]',
            ["number", "media"],
        ),
    ],
)
def test_without_declared_roles_the_first_text_or_else_the_first_picture_is_the_media(
    tensors: str, found: list[str]
) -> None:
    assert roles(tensors) == found


def declared(tensor: str, role: str) -> str:
    return f'parameters {{ key: "gateway.role.{tensor}" value: {{ string_value: "{role}" }} }}'


TWO_TEXTS = (
    'input [ { name: "A" data_type: TYPE_STRING dims: [ 1 ] }, { name: "B" data_type: TYPE_STRING dims: [ 1 ] } ]'
)


@pytest.mark.parametrize(
    ("declarations", "found"),
    [
        (declared("A", "text"), ["text", "media"]),
        (declared("B", "media"), ["text", "media"]),
        (declared("A", "json") + declared("B", "text"), ["json", "text"]),
        (declared("A", "wrong"), ["media", "text"]),
        (declared("C", "json"), ["media", "text"]),
    ],
)
def test_declared_roles_come_first(declarations: str, found: list[str]) -> None:
    assert roles(TWO_TEXTS + declarations) == found


@pytest.mark.parametrize(
    ("datatype", "declaration", "role"),
    [
        ("TYPE_STRING", "", OutputRole.AUTO),
        ("TYPE_FP32", "", OutputRole.TENSOR),
        ("TYPE_STRING", declared("A", "observation"), OutputRole.OBSERVATION),
        ("TYPE_STRING", declared("A", "label"), OutputRole.LABEL),
        ("TYPE_STRING", declared("A", "tensor"), OutputRole.TENSOR),
        ("TYPE_STRING", declared("A", "wrong"), OutputRole.AUTO),
    ],
)
def test_outputs_are_tensors_or_decided_by_what_comes_unless_declared(
    datatype: str, declaration: str, role: OutputRole
) -> None:
    found = of_tensors(f'output {{ name: "A" data_type: {datatype} dims: [ 1 ] }} {declaration}')
    assert found.outputs == (Output("A", "BYTES" if datatype == "TYPE_STRING" else "FP32", (1,), role),)


def test_an_ensemble_over_a_decoupled_step_is_decoupled() -> None:
    assert derived(ENSEMBLE, DECODE + "model_transaction_policy { decoupled: true }").decoupled


def test_an_ensemble_that_says_so_itself_is_decoupled() -> None:
    assert derived(ENSEMBLE + "model_transaction_policy { decoupled: true }").decoupled


@pytest.mark.parametrize("name", ["BOOL", "UINT8", "UINT64", "INT8", "FP16", "BF16", "FP64"])
def test_datatypes_carry_tritons_own_names(name: str) -> None:
    found = of_tensors(f'input {{ name: "A" data_type: TYPE_{name} dims: [ 1 ] }}')
    assert found.inputs[0].datatype == name


@pytest.mark.parametrize(
    ("wanted", "found"), [("4", 4), ("0", None), ("-1", None), ("4.5", None), ("", None), ("9" * 30, None)]
)
def test_a_config_may_narrow_how_many_calls_are_in_hand_at_once(wanted: str, found: int | None) -> None:
    declared = f'parameters {{ key: "gateway.concurrency" value: {{ string_value: "{wanted}" }} }}'
    assert of_tensors(declared).concurrency == found


def test_a_concurrency_that_is_no_count_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    of_tensors('parameters { key: "gateway.concurrency" value: { string_value: "many" } }')
    assert "pipeline.concurrency_invalid" in [record.getMessage() for record in caplog.records]
