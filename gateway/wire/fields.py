"""What the fields of the wire's JSON mean, and their limits, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.domain.hooks import STATUSES, EventType, HookType, PayloadType
from gateway.limits import (
    MAX_EXECUTE_AFTER,
    MAX_FILENAME_CHARACTERS,
    MAX_HOOK_HEADERS,
    MAX_HOOK_SECRETS,
    MAX_HOOKS_PER_EXECUTION,
    MAX_ID_CHARACTERS,
    MAX_INPUTS,
    MAX_INPUTS_BYTES,
    MAX_MEDIA_PER_CALL,
    MAX_META_DATA_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_PAGE_RANGE_CHARACTERS,
    MAX_PARAMETERS,
    MAX_PARAMETERS_BYTES,
    MAX_PURPOSE_CHARACTERS,
    MAX_RETENTION,
    MAX_SYNC_TIMEOUT,
    MAX_TAG_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_TRANSFORM_CHARACTERS,
    MAX_URL_CHARACTERS,
)

Schema = dict[str, Any]

#: What a file may be for.
PURPOSE: Final = f"^[A-Za-z0-9_.-]{{1,{MAX_PURPOSE_CHARACTERS}}}$"

#: As `gateway.domain.ids.EXECUTION_ID`, but for `.` and `..`: generators for some languages know no look-ahead.
EXECUTION_ID: Final = f"^[A-Za-z0-9._-]{{1,{MAX_ID_CHARACTERS}}}$"


def _means(description: str, **limits: Any) -> Schema:
    return {"description": description, **limits}


def _time(description: str) -> Schema:
    return {"description": description, "format": "date-time"}


#: Fields that mean the same wherever they stand.
EVERYWHERE: Final[Mapping[str, Schema]] = {
    "executionId": _means("The execution that this belongs to."),
    "runId": _means("The run that this belongs to."),
    "pipelineId": _means("The pipeline: the name of its ensemble in Triton."),
    "pipelineVersion": _means("The version of the pipeline; 0 is what Triton's repository holds now."),
    "mediaId": _means("The media: stored, or `media-1`, `media-2`, … in the order of the call."),
    "createdAt": _time("When it came about (UTC)."),
    "startedAt": _time("When work on it began (UTC)."),
    "completedAt": _time("When it ended (UTC)."),
    "tag": _means("A word of the caller's own, to find executions by.", maxLength=MAX_TAG_CHARACTERS),
    "metaData": _means(f"Facts of the caller's own: at most {MAX_META_DATA_BYTES} bytes of JSON."),
    "modelVersions": _means("The version of each model that answered."),
    "datatype": _means("Triton's name of the datatype, such as FP32 or BYTES."),
    "shape": _means("The size of each dimension; -1 is any."),
    "error": _means("Why it failed: what the caller was told."),
    "executeAfter": _time("The time before which it is not to begin (UTC)."),
    "attempt": _means("Which try this is; 0 before the first."),
    "state": _means("Where it stands; one that is not known here has not ended, unless `done` says so."),
    "ttl": _means(
        "Seconds for which the execution is kept after its last change; 0 is for ever. Without it the gateway's "
        "setting holds, which is 30 days unless the operator says otherwise. Not for an execution that there is.",
        minimum=0,
        maximum=MAX_RETENTION,
    ),
    "description": _means("What it does, in the words of its author."),
    "inputs": _means("What goes in."),
    "outputs": _means("What comes out."),
}

_HOOK_ID: Final[Schema] = {"type": "string", "pattern": EXECUTION_ID}
_HOOK: Final[dict[str, Schema]] = {
    "hookId": _means("The hook: a name of your own, or a UUID.", pattern=EXECUTION_ID),
    "name": _means("A name for people.", maxLength=MAX_NAME_CHARACTERS),
    "eventType": _means("What it is told of."),
    "endpoint": _means("Where it is told: an http or https address.", maxLength=MAX_URL_CHARACTERS),
    "headers": _means("Headers of your own for each delivery.", maxProperties=MAX_HOOK_HEADERS),
    "statusFilter": _means("Which statuses a STATUS_CHANGE hook is told of; without it all."),
    "payloadType": _means("What it is sent: the observation, its plain JSON, or what the transform makes of it; FORM_ "
                          "adds the media, in a multipart form."),
    "transform": _means("The JSONata expression of TRANSFORM and FORM_TRANSFORM.", maxLength=MAX_TRANSFORM_CHARACTERS),
    "formPayloadKey": _means("The field of the form that holds the JSON; `payload`."),
    "formDocumentKey": _means("The field of the form that holds the media; `documents`."),
    "enabled": _means("Whether it is told of anything; true."),
}  # fmt: skip

#: Fields of one kind of object.
OF: Final[Mapping[str, Mapping[str, Schema]]] = {
    "ExecuteBody": {
        "executionId": _means("An execution that there is: what is found is appended to its observation. "
                              "Without one the call brings one about.", pattern=EXECUTION_ID),
        "media": _means("The media to run on, each as base64, with or without a `data:` prefix, or as an object that "
                        "brings or names one. They live no longer than the call.", maxItems=MAX_MEDIA_PER_CALL,
                        items={"anyOf": [{"type": "string", "contentEncoding": "base64"},
                                         {"$ref": "#/components/schemas/MediaBody"}]}),
        "mediaIds": _means("Which of the execution's stored media to run on. Without `media` and this: all of them.",
                           maxItems=MAX_MEDIA_PER_CALL),
        "inputs": _means("Values of the pipeline's other inputs, by name: text, numbers, nested arrays of numbers; "
                         f"at most {MAX_INPUTS_BYTES} bytes of JSON.", type=["object", "null"],
                         maxProperties=MAX_INPUTS),
        "text": _means("Text to run on: the pipeline's text input, else one more media.",
                       maxLength=MAX_TEXT_CHARACTERS),
        "metaData": {"type": ["object", "null"]},
        "observation": {"anyOf": [{"$ref": "#/components/schemas/ObservationBody"}, {"type": "null"}],
                        "description": "Entries that stand in the observation before the run."},
        "idempotent": _means("What this run finds takes the place of what the same pipeline found before."),
        "transient": _means("Nothing of what is found is kept; reading it later is 410."),
        "transform": _means("The JSONata expression of `executeSync/transform`; else the pipeline's own is used.",
                            maxLength=MAX_TRANSFORM_CHARACTERS),
        "runtimeParameters": _means("Parameters of the request to Triton, which reach every step; at most "
                                    f"{MAX_PARAMETERS_BYTES} bytes of JSON.", type=["object", "null"],
                                    maxProperties=MAX_PARAMETERS,
                                    additionalProperties={"type": ["string", "number", "boolean"]}),
        "timeout": _means("Seconds within which the run must end.",
                          exclusiveMinimum=0, maximum=MAX_SYNC_TIMEOUT),
        "onTimeout": _means("What becomes of a run that is waited for when the time is over: it is canceled, or goes "
                            "on in the background, and the refusal names it.", enum=["cancel", "continue", None]),
        "priority": _means("Which of the runs in the background that are due comes first; normal.",
                           enum=["low", "normal", "high", None]),
        "executeAfter": _means("The time before which a run in the background is not to begin, with its offset from "
                               f"UTC; at most {MAX_EXECUTE_AFTER / 86400:g} days ahead."),
        "hookIds": _means("Hooks that are told of it, beside those of its execution; an execution that it brings about "
                          "has them from then on.", maxItems=MAX_HOOKS_PER_EXECUTION, items=_HOOK_ID),
        "webhookUrl": _means("An address that is told when the run in the background has ended.",
                             maxLength=MAX_URL_CHARACTERS),
        "webhookSecret": _means("What signs what is sent there: `whsec_` and the base64 of 24 to 64 bytes."),
        "pageRange": _means("Which pages of PDFs and frames of TIFFs to run on, such as `0-5,10`: counted from 0, both "
                            "ends included. What is beyond the end is left out, and a warning in the entry says so.",
                            maxLength=MAX_PAGE_RANGE_CHARACTERS),
        "tryImageConversion": _means("Render the pages of PDFs and the frames of TIFFs, each for an inference of its "
                                     "own, and turn images upright. Pipelines that take images alone do so anyway."),
        "trySimpleText": _means("Read the text that stands in DOCX, PPTX, PDF and plain text: it goes to the "
                                "pipeline's text input, else it is `rawText` of the entry."),
    },
    "MediaBody": {
        "base64": _means("The encoded file as base64, with or without a `data:` prefix.", contentEncoding="base64"),
        "fileId": _means("A file that was uploaded before."),
        "mediaId": _means("A media that is stored on the execution of the call; its entries bear this ID."),
        "url": _means("A data URL, or an http or https one that the gateway fetches, where its operator allows that."),
        "pageRange": _means("Which of its pages to run on, from 0, both ends included: `0-5,10`. Without it the "
                            "call's own holds.", maxLength=MAX_PAGE_RANGE_CHARACTERS),
        "filename": _means("A name for people; media are known by their content.", maxLength=MAX_FILENAME_CHARACTERS),
    },
    "ExecutionBody": {
        "executionId": _means("A name of the caller's own; without one it gets a UUID.",
                              pattern=EXECUTION_ID),
        "metaData": {"type": ["object", "null"]},
        "hookIds": _means("Hooks that are told of it.", maxItems=MAX_HOOKS_PER_EXECUTION, items=_HOOK_ID),
    },
    "HookBody": _HOOK | {
        "eventType": _HOOK["eventType"] | {"enum": [*EventType]},
        "payloadType": _HOOK["payloadType"] | {"enum": [*PayloadType]},
        "hookType": _means("`WEBHOOK`.", enum=[HookType.WEBHOOK, None]),
        "statusFilter": _HOOK["statusFilter"] | {"items": {"type": "string", "enum": sorted(STATUSES)}},
        "secrets": _means("What deliveries are signed with, all of them at once: `whsec_` and the base64 of 24 to 64 "
                          "bytes. Without any a new hook gets a fresh one, and a hook that is changed keeps its own.",
                          maxItems=MAX_HOOK_SECRETS),
        "createdAt": _means("Taken and not looked at."),
    },
    "HookView": _HOOK | {
        "hookType": _means("`WEBHOOK`."),
        "secrets": _means("What deliveries are signed with: shown when the hook is created, and never again."),
    },
    "DeliveryView": {
        "deliveryId": _means("The delivery: the `webhook-id` of every try."),
        "hookId": _means("The hook; absent for the address of a single call."),
        "eventType": _means("What happened."),
        "status": _means("The status that the event found the execution in."),
        "url": _means("Where it is sent to."),
        "state": _means("Where it stands; canceled is one whose hook was deleted or disabled."),
        "attempt": _means("How often it was tried."),
        "nextAttemptAt": _time("When it is tried next (UTC); while it is being sent, when others would take it up."),
        "lastAttemptAt": _time("When its last try ended (UTC)."),
        "lastStatus": _means("The HTTP status of the last try."),
        "lastFailure": _means("Why the last try was not taken."),
        "lastExcerpt": _means("The beginning of the answer to the last try."),
        "endedAt": _time("When it was delivered, given up or canceled (UTC)."),
    },
    "ObservationBody": {
        "executionId": _means("Taken and not looked at: the address says which execution."),
        "mediaContents": _means("The entries. One with a known `id` replaces the content of that entry, any other is "
                                "appended.", items={"$ref": "#/components/schemas/EntryBody"}),
        "documents": _means("Linked documents are not kept: nothing, or empty.", maxItems=0),
    },
    "Envelope": {"observation": _means("What this call found.", **{"$ref": "#/components/schemas/Observation"})},
    "Problem": {
        "title": _means("The phrase of the HTTP status."),
        "status": _means("The HTTP status.", minimum=400, maximum=599),
        "detail": _means("What is wrong, and what to do."),
        "message": _means("`detail` again."),
        "code": _means("A stable name of the failure; more may come.", pattern=r"^[a-z_]+(\.[a-z_]+)?$"),
        "request_id": _means("The name of the request, which finds it in the log."),
        "field": _means("Which part of the request is meant."),
        "executionId": _means("The record that the failure left."),
        "runId": _means("The record that the failure left."),
    },
    "PipelineView": {
        "name": _means("Its name: the same as its ID."),
        "status": _means("Whether it can be run now."),
        "tag": _means("The word its author files it under."),
        "version": _means("The version that answers; 0 is what Triton's repository holds now."),
        "reason": _means("Why it is not ready, in Triton's words."),
        "transform": _means("The JSONata expression that executeSync/transform uses where a call names none."),
    },
    "PipelineDetail": {
        "pipeline": _means("What it takes and gives."),
        "pipelineDefinition": _means("Its steps, and the way of each tensor between them."),
    },
    "Input": {
        "name": _means("The name of the tensor."),
        "role": _means("What a caller gives for it."),
        "optional": _means("Whether a call may leave it out."),
    },
    "Output": {"name": _means("The name of the tensor."), "role": _means("What it becomes in an entry.")},
    "Definition": {
        "pipelineDefinitionId": _means("The pipeline's ID."),
        "nodes": _means("Its steps: one model each."),
        "edges": _means("The way of each tensor from step to step."),
    },
    "Node": {
        "modelId": _means("The name of the step in this graph."),
        "modelName": _means("The model in Triton."),
        "modelVersion": _means("Its version; -1 is the latest."),
    },
    "NodeInput": {
        "inputName": _means("The name of the tensor."),
        "inputShape": _means("The size of each dimension; -1 is any."),
        "inputType": _means("The kind of tensor, in Cambrion's words."),
    },
    "NodeOutput": {
        "outputName": _means("The name of the tensor."),
        "outputShape": _means("The size of each dimension; -1 is any."),
        "outputType": _means("The kind of tensor, in Cambrion's words."),
    },
    "Edge": {
        "id": _means("The name of the edge."),
        "dataHandle": _means("The tensor of the ensemble that goes this way."),
        "source": _means("The node that it leaves, or `input`."),
        "target": _means("The node that it reaches, or `output`."),
        "sourceHandle": _means("The output that it leaves by."),
        "targetHandle": _means("The input that it comes in by."),
    },
    "ExecutionView": {
        "status": _means("The state of its newest run, in upper case; absent before the first."),
        "metaData": _means("Facts of the caller's own.", type="object"),
        "duration": _means("Seconds that its newest run took."),
        "expiresAt": _time("When it is removed unless it changes before (UTC); absent while a run has not ended, and "
                           "where it is kept for ever."),
        "hookIds": _means("Hooks that are told of it."),
    },
    "RunView": {
        "done": _means("Whether it has ended, so that it changes no more."),
        "priority": _means("Which of the runs that are due comes first."),
        "attempts": _means("Every try, in order."),
        "cancelRequestedAt": _time("When somebody wanted it canceled (UTC)."),
        "urls": _means("Where it is looked at, followed and canceled."),
        "mediaCount": _means("How many media it runs on."),
        "timings": _means("Where its time went, once it has ended."),
    },
    "AttemptView": {
        "number": _means("Which try it was; 1 is the first."),
        "worker": _means("The worker that made it."),
        "endedAt": _time("When it ended (UTC)."),
    },
    "RunUrls": {
        "self": _means("The run."),
        "events": _means("Its events."),
        "cancel": _means("Where a POST cancels it."),
    },
    "RunEventView": {
        "sequence": _means("The number of the event; 1 is the first of the run."),
        "at": _time("When it came about (UTC)."),
    },
    "RunError": {
        "code": _means("A stable name of the failure."),
        "message": _means("What was wrong."),
        "field": _means("Which part of the request was meant."),
    },
    "Timings": {
        "queueMs": _means("Milliseconds of waiting for a place."),
        "computeMs": _means("Milliseconds with Triton."),
        "gatewayMs": _means("Milliseconds in the gateway."),
    },
    "FileView": {
        "fileId": _means("The file."),
        "filename": _means("What its caller called it."),
        "contentType": _means("Its type, by its bytes."),
        "size": _means("Its bytes.", minimum=1),
        "purpose": _means("What it is for, in a word of its caller's own.", pattern=PURPOSE),
        "expiresAt": _time("When it is removed; absent where it is kept for ever (UTC)."),
    },
    "ArtifactView": {
        "artifactId": _means("The artifact."),
        "name": _means("The output that it came from."),
        "page": _means("The page of the media that it was made of, from 1; absent where the media has none.",
                       minimum=1),
        "contentType": _means("Its type, by its bytes."),
        "size": _means("Its bytes.", minimum=1),
    },
    "MediaView": {
        "contentType": _means("Its type, told by its first bytes."),
        "size": _means("Its size in bytes."),
    },
    "UploadedView": {
        "mediaId": _means("The first of them."),
        "mediaIds": _means("All of them, in the order they came."),
    },
    "Alive": {"status": _means("`ok`.")},
    "Ready": {
        "status": _means("`ready` or `not ready`."),
        "triton": _means("Whether Triton answers."),
        "database": _means("Whether the database answers."),
        "blobs": _means("Whether the store of media answers."),
        "admitting": _means("Whether new work is taken."),
    },
}  # fmt: skip
