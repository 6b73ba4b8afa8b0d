"""The operations on pipelines: look at them, and run them."""

from collections.abc import Mapping
from typing import Final

from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Body, Operation, json, many, ref, text
from gateway.api.rest.openapi.ways import OPTIONS, ways_in, ways_to_transform
from gateway.domain.pipelines import Definition
from gateway.wire.brought import MediaBody
from gateway.wire.calls import ExecuteBody
from gateway.wire.problem import Problem
from gateway.wire.views import AcceptedView, Envelope, PipelineDetail, PipelineView

_TAG: Final = "Pipelines"
_RECORDS: Final = ("X-Execution-Id", "X-Run-Id", "X-Request-Id", "Idempotency-Replayed")
_TAKES: Final = ("IdempotencyKey",)
_WORDS: Final = "What to run on, and how: as JSON, as a form, or one media as it is with the options in the query."
_CALL: Final = Body(
    ways_in(
        json(
            ref(ExecuteBody),
            one_image=examples.ONE_IMAGE,
            in_two_forms=examples.TWO_FORMS,
            on_an_execution=examples.ON_AN_EXECUTION,
            with_a_tag_and_entries_of_your_own=examples.WITH_ALL,
        )
    ),
    _WORDS,
)
_LATER_CALL: Final = Body(
    ways_in(
        json(
            ref(ExecuteBody),
            one_image=examples.ONE_IMAGE,
            before_others=examples.BEFORE_OTHERS,
            on_an_execution=examples.ON_AN_EXECUTION,
            with_a_tag_and_entries_of_your_own=examples.WITH_ALL,
            told_to_an_address_of_your_own=examples.TOLD,
            told_to_a_hook_and_not_kept=examples.TOLD_AND_NOT_KEPT,
        )
    ),
    "What to run on, when, and who is told of it: as JSON, as a form, or one media as it is.",
)
_TRANSFORM_CALL: Final = Body(ways_to_transform(json(ref(ExecuteBody), one_image=examples.TRANSFORMED)), _WORDS)
TRANSFORMED: Final = {**json({}, one_value="0000000000000000"), **text(one_value='"0000000000000000"')}
TRANSFORMED_WORDS: Final = "What the expression makes: JSON where `Accept` names it, else the same as text."

OPERATIONS: Final[Mapping[str, Operation]] = {
    "listPipelines": Operation(
        tag=_TAG,
        summary="List the pipelines",
        answers=[Answer(200, "The pipelines.", json(many(PipelineView), two=[examples.PIPELINE_SHOWN]))],
        refusals=refusals.ANY,
    ),
    "getPipeline": Operation(
        tag=_TAG,
        summary="Show a pipeline",
        answers=[
            Answer(
                200,
                "The pipeline.",
                json(
                    ref(PipelineDetail),
                    image_stats={"pipeline": examples.PIPELINE_SHOWN, "pipelineDefinition": examples.DEFINITION},
                ),
            )
        ],
        refusals=refusals.PIPELINE,
    ),
    "getPipelineDefinition": Operation(
        tag=_TAG,
        summary="Show the graph of a pipeline",
        answers=[Answer(200, "The graph.", json(ref(Definition), image_stats=examples.DEFINITION))],
        refusals=refusals.PIPELINE,
    ),
    "executeSync": Operation(
        tag=_TAG,
        summary="Run a pipeline",
        body=_CALL,
        answers=[
            Answer(
                200,
                "What this call found; with `envelope=true` beside the IDs.",
                json(
                    {"oneOf": [ref("Observation"), ref(Envelope)]},
                    observation=examples.OBSERVATION,
                    envelope=examples.ENVELOPE,
                ),
                _RECORDS,
            )
        ],
        refusals=refusals.EXECUTE,
        takes=_TAKES,
        queries=OPTIONS,
    ),
    "executeSyncJson": Operation(
        tag=_TAG,
        summary="Run a pipeline, for plain JSON",
        body=_CALL,
        answers=[Answer(200, "Labels as keys.", json({"type": "object"}, of_an_invoice=examples.PLAIN), _RECORDS)],
        refusals=refusals.EXECUTE,
        takes=_TAKES,
        queries=OPTIONS,
    ),
    "executeSyncTransform": Operation(
        tag=_TAG,
        summary="Run a pipeline, through a transform",
        body=_TRANSFORM_CALL,
        answers=[Answer(200, TRANSFORMED_WORDS, TRANSFORMED, _RECORDS)],
        refusals=(*refusals.EXECUTE, *refusals.TRANSFORM),
        takes=_TAKES,
        queries=OPTIONS,
    ),
    "executeAsync": Operation(
        tag=_TAG,
        summary="Run a pipeline in the background",
        body=_LATER_CALL,
        answers=[
            Answer(
                202,
                "The run is kept, and will run. Its state is at `Location`.",
                json(ref(AcceptedView), accepted=examples.ACCEPTED),
                (*_RECORDS, "Location"),
            )
        ],
        refusals=refusals.ACCEPT,
        takes=_TAKES,
        queries=OPTIONS,
    ),
}

STRUCTS: Final = (ExecuteBody, MediaBody, Problem, AcceptedView, Envelope, PipelineDetail, PipelineView, Definition)
