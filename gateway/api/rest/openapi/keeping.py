"""The operations on what is kept: executions, their runs, their media and their observations."""

from collections.abc import Mapping
from typing import Final

from gateway.api.rest.executions import ExecutionBody
from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Body, Operation, json, many, ref, text
from gateway.api.rest.openapi.running import TRANSFORMED, TRANSFORMED_WORDS
from gateway.errors import ExecutionTaken
from gateway.wire.fields import Schema
from gateway.wire.observations import ObservationBody
from gateway.wire.runs import RunView
from gateway.wire.views import ExecutionView, MediaView, UploadedView

_LINK: Final = ("Link",)
_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_DELETED: Final = Answer(204, "It is gone.")
_OBSERVATION: Final = json(ref("Observation"), observation=examples.OBSERVATION)
_PLAIN: Final = json({"type": "object"}, of_an_invoice=examples.PLAIN)
_FORM: Final[Schema] = {
    "type": "object",
    "description": "Each file of the form is one media, whatever its field is called; other fields are not looked at.",
    "properties": {"file": _BINARY},
    "additionalProperties": True,
}
_UPLOAD: Final = {
    "image/*": {"schema": _BINARY},
    "application/pdf": {"schema": _BINARY},
    "application/octet-stream": {"schema": _BINARY},
    **text(a_PNG_as_base64=examples.PNG, plain_text="Paid in full."),
    "multipart/form-data": {"schema": _FORM},
}

EXECUTIONS: Final[Mapping[str, Operation]] = {
    "createExecution": Operation(
        tag="Executions",
        summary="Create an execution",
        body=Body(json(ref(ExecutionBody), named=examples.EXECUTION_BODY), "Its name and tag, if any.", required=False),
        answers=[
            Answer(200, "It is new.", json(ref(ExecutionView), shown=examples.EXECUTION_SHOWN)),
            Answer(204, "There is one of this ID; it stays as it is."),
        ],
        refusals=(*refusals.RECORDS, *refusals.JSON_BODY, ExecutionTaken),
    ),
    "listExecutions": Operation(
        tag="Executions",
        summary="List executions",
        answers=[
            Answer(200, "Executions.", json(many(ExecutionView), one=[examples.EXECUTION_SHOWN]), _LINK),
        ],
        refusals=refusals.LISTS,
    ),
    "getExecution": Operation(
        tag="Executions",
        summary="Show an execution",
        answers=[Answer(200, "The execution.", json(ref(ExecutionView), shown=examples.EXECUTION_SHOWN))],
        refusals=refusals.EXECUTION,
    ),
    "deleteExecution": Operation(
        tag="Executions", summary="Delete an execution", answers=[_DELETED], refusals=refusals.EXECUTION
    ),
    "listRuns": Operation(
        tag="Runs",
        summary="List the runs of an execution",
        answers=[Answer(200, "Runs.", json(many(RunView), one=[examples.RUN_SHOWN]), _LINK)],
        refusals=(*refusals.LISTS, *refusals.EXECUTION),
    ),
}
MEDIA: Final[Mapping[str, Operation]] = {
    "uploadMedia": Operation(
        tag="Media",
        summary="Store media",
        body=Body(_UPLOAD, "The media: as it is, as base64 of it, or as files of a form."),
        answers=[Answer(200, "It is stored.", json(ref(UploadedView), one=examples.UPLOADED))],
        refusals=refusals.UPLOAD,
    ),
    "listMedia": Operation(
        tag="Media",
        summary="List the stored media",
        answers=[Answer(200, "The media.", json(many(MediaView), one=[examples.MEDIA_SHOWN]))],
        refusals=refusals.EXECUTION,
    ),
    "getMedia": Operation(
        tag="Media",
        summary="Fetch stored media",
        answers=[Answer(200, "The bytes, with their own type.", {"*/*": {"schema": _BINARY}})],
        refusals=refusals.MEDIA,
    ),
    "deleteMedia": Operation(tag="Media", summary="Delete stored media", answers=[_DELETED], refusals=refusals.MEDIA),
}
OBSERVATIONS: Final[Mapping[str, Operation]] = {
    "getObservation": Operation(
        tag="Observations",
        summary="Read an observation",
        answers=[Answer(200, "What was found.", _OBSERVATION, _LINK)],
        refusals=(*refusals.OBSERVATION, *refusals.LISTS),
    ),
    "mergeObservation": Operation(
        tag="Observations",
        summary="Merge into an observation",
        body=Body(json(ref(ObservationBody), a_note=examples.NOTE), "The entries to merge.", required=False),
        answers=[
            Answer(200, "There was no body: the observation as it is.", _OBSERVATION),
            Answer(204, "The entries are merged."),
        ],
        refusals=refusals.MERGE,
    ),
    "getObservationJson": Operation(
        tag="Observations",
        summary="Read an observation as plain JSON",
        answers=[Answer(200, "Labels as keys.", _PLAIN)],
        refusals=refusals.PLAIN,
    ),
    "readObservationJson": Operation(
        tag="Observations",
        summary="Read an observation as plain JSON, by POST",
        answers=[Answer(200, "Labels as keys.", _PLAIN)],
        refusals=refusals.PLAIN,
    ),
    "transformObservation": Operation(
        tag="Observations",
        summary="Read an observation through a transform",
        body=Body(text(hashes=examples.EXPRESSION), "JSONata, as it is."),
        answers=[Answer(200, TRANSFORMED_WORDS, TRANSFORMED)],
        refusals=(*refusals.OBSERVATION, *refusals.BODY, *refusals.TRANSFORM),
    ),
}
OPERATIONS: Final = {**EXECUTIONS, **MEDIA, **OBSERVATIONS}
STRUCTS: Final = (ExecutionBody, ExecutionView, RunView, MediaView, UploadedView, ObservationBody)
