"""The values that stand as examples in the OpenAPI document; tests send the requests, and check the answers."""

from typing import Any, Final

#: A PNG of 4 x 3 pixels.
PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAIAAAA7ljmRAAAAEElEQVR42mP4xSUHRww4OQATmg2Zt5SOYAAAAABJRU5ErkJggg=="
PIPELINE: Final = "image_stats"
EXECUTION: Final = "scan-17"
RUN: Final = "01a1fd5a-fac9-7022-9d7e-70025c269efa"
MEDIA: Final = "01a1fd5a-fafc-7435-8a67-803f1386d8a1"
HOOK: Final = "archive-told"
DELIVERY: Final = "01a1fd6b-0c3e-7d10-9a55-30a1c27f1b02"
EXPRESSION: Final = "mediaContents.imageHash"
_BEGAN: Final = "2026-11-21T09:06:00.521Z"
_AT: Final = "2026-11-21T09:06:00.524Z"
URLS: Final = {
    name: f"/v1/runs/{RUN}{path}" for name, path in (("self", ""), ("events", "/events"), ("cancel", "/cancel"))
}

EXECUTION_BODY: Final = {
    "executionId": EXECUTION,
    "tag": "archive",
    "metaData": {"customer": 4711},
    "hookIds": [HOOK],
}
ONE_IMAGE: Final = {"media": [PNG]}
TWO_FORMS: Final = {"media": [{"base64": PNG, "filename": "page.png"}, f"data:image/png;base64,{PNG}"]}
ON_AN_EXECUTION: Final = {"executionId": EXECUTION, "media": [PNG], "idempotent": True, "timeout": 20}
BEFORE_OTHERS: Final = {"media": [PNG], "priority": "high", "executeAfter": _AT}
WITH_ALL: Final = {
    "media": [f"data:image/png;base64,{PNG}", PNG],
    "tag": "archive",
    "metaData": {"customer": 4711},
    "observation": {"mediaContents": [{"rawText": "seen by hand"}]},
}
TOLD: Final = {
    "media": [PNG],
    "webhookUrl": "https://receiver.example/told",
    "webhookSecret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
}
TOLD_AND_NOT_KEPT: Final = {"media": [PNG], "hookIds": [HOOK], "transient": True}
TRANSFORMED: Final = {"media": [PNG], "transform": EXPRESSION}
NOTE: Final = {"mediaContents": [{"id": "note-1", "rawText": "seen by hand", "label": {"name": "photo"}}]}

ENTRY: Final = {
    "id": "01a1fd5a-facc-7312-bbe2-611074bc674a",
    "mediaId": "media-1",
    "runId": RUN,
    "pipelineId": PIPELINE,
    "pipelineVersion": 0,
    "createdAt": _AT,
    "metaData": {"width": 4, "height": 3},
    "imageHash": "0000000000000000",
    "colour": {"mean": [250.0, 10.0, 30.0], "deviation": [0.0, 0.0, 0.0]},
}
OBSERVATION: Final = {"executionId": EXECUTION, "mediaContents": [ENTRY], "documents": []}
ENVELOPE: Final = {"executionId": EXECUTION, "runId": RUN, "observation": OBSERVATION}
PLAIN: Final = {"invoiceNumber": "2024-17", "total": "108.50 EUR", "label": "invoice"}
ACCEPTED: Final = {"executionId": EXECUTION, "runId": RUN}
EXECUTION_SHOWN: Final = {
    "executionId": EXECUTION,
    "createdAt": "2026-11-21T09:06:00.510Z",
    "tag": "archive",
    "metaData": {"customer": 4711},
    "status": "COMPLETED",
    "completedAt": _AT,
    "duration": 0.002743,
    "expiresAt": "2026-12-21T09:06:00.524Z",
}
RUN_SHOWN: Final = {
    "runId": RUN,
    "executionId": EXECUTION,
    "pipelineId": PIPELINE,
    "pipelineVersion": 0,
    "state": "completed",
    "done": True,
    "priority": "normal",
    "attempt": 1,
    "attempts": [{"number": 1, "startedAt": _BEGAN, "endedAt": _AT}],
    "mediaCount": 1,
    "createdAt": _BEGAN,
    "startedAt": _BEGAN,
    "completedAt": _AT,
    "timings": {"queueMs": 0.006, "computeMs": 2.128, "gatewayMs": 0.61},
    "modelVersions": {"decode": "1", "image_measure": "1"},
    "urls": URLS,
}
WAITING: Final = {
    "runId": RUN,
    "executionId": EXECUTION,
    "pipelineId": PIPELINE,
    "pipelineVersion": 0,
    "state": "queued",
    "done": False,
    "priority": "high",
    "attempt": 0,
    "attempts": [],
    "mediaCount": 1,
    "createdAt": _BEGAN,
    "modelVersions": {},
    "urls": URLS,
}
CANCELED: Final = WAITING | {
    "state": "canceled",
    "done": True,
    "cancelRequestedAt": _AT,
    "completedAt": _AT,
    "error": {"code": "run.canceled", "message": "The run was canceled."},
}
QUEUED_EVENT: Final = {"sequence": 1, "runId": RUN, "state": "queued", "attempt": 0, "at": _BEGAN}
MEDIA_SHOWN: Final = {"mediaId": MEDIA, "contentType": "image/png", "size": 73, "createdAt": _AT}
FILE: Final = "01a1fe6d-f881-75c5-9ae8-40a42955b4d5"
FILE_SHOWN: Final = {
    "fileId": FILE,
    "filename": "invoice.png",
    "contentType": "image/png",
    "size": 48213,
    "purpose": "vision",
    "createdAt": _AT,
    "expiresAt": "2026-12-21T09:06:00.524Z",
}
ARTIFACT: Final = "01a1fe73-5a1c-7b02-8d0a-6a55f1f3c310"
ARTIFACT_SHOWN: Final = {
    "artifactId": ARTIFACT,
    "runId": RUN,
    "name": "THUMBNAIL",
    "contentType": "image/png",
    "size": 812,
    "createdAt": _AT,
}
UPLOADED: Final = {"mediaId": MEDIA, "mediaIds": [MEDIA]}
PIPELINE_SHOWN: Final = {
    "pipelineId": PIPELINE,
    "name": PIPELINE,
    "status": "READY",
    "version": 0,
    "inputs": [{"name": "IMAGE", "datatype": "BYTES", "shape": [1], "role": "media", "optional": False}],
    "outputs": [{"name": "OBSERVATION", "datatype": "BYTES", "shape": [1], "role": "auto"}],
    "modelVersions": {"decode": "1", "image_measure": "1"},
    "description": "Measures an image: its size, the mean and deviation of its colours.",
    "tag": "images",
}


def _node(model: str, given: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    inputs = [{f"input{key[0].upper()}{key[1:]}" if key != "datatype" else key: each for key, each in given.items()}]
    outputs = [{f"output{key[0].upper()}{key[1:]}" if key != "datatype" else key: each for key, each in made.items()}]
    return {"modelId": model, "modelName": model, "modelVersion": -1, "inputs": inputs, "outputs": outputs}


def _edge(source: str, target: str, leaves: str, tensor: str) -> dict[str, str]:
    return {
        "id": f"{source}-{tensor}-{target}",
        "dataHandle": tensor,
        "source": source,
        "target": target,
        "sourceHandle": leaves,
        "targetHandle": leaves,
    }


_BYTES: Final = {"shape": [1], "type": "STRING", "datatype": "BYTES"}
_PIXELS: Final = {"name": "PIXELS", "shape": [-1, -1, 3], "type": "INT_TENSOR", "datatype": "UINT8"}
DEFINITION: Final = {
    "pipelineDefinitionId": PIPELINE,
    "nodes": [
        _node("decode", {"name": "IMAGE", **_BYTES}, _PIXELS),
        _node("image_measure", _PIXELS, {"name": "OBSERVATION", **_BYTES}),
    ],
    "edges": [
        _edge("input", "decode", "IMAGE", "IMAGE"),
        _edge("decode", "image_measure", "PIXELS", "pixels"),
        _edge("image_measure", "output", "OBSERVATION", "OBSERVATION"),
    ],
}
HOOK_BODY: Final = {
    "hookId": HOOK,
    "name": "The archive",
    "eventType": "SUBMIT",
    "hookType": "WEBHOOK",
    "endpoint": "https://receiver.example/told",
    "headers": {"Authorization": "Bearer 4711"},
    "payloadType": "RAW",
}
HOOK_WITH_TRANSFORM: Final = {
    "eventType": "STATUS_CHANGE",
    "statusFilter": ["COMPLETED", "FAILED"],
    "endpoint": "https://receiver.example/told",
    "payloadType": "FORM_TRANSFORM",
    "transform": EXPRESSION,
}
HOOK_ROTATED: Final = HOOK_BODY | {
    "secrets": ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_b5sSYspob7oDC2FVsBQIhrscChlQIMV+"]
}
HOOK_SHOWN: Final = HOOK_BODY | {
    "formPayloadKey": "payload",
    "formDocumentKey": "documents",
    "enabled": True,
    "createdAt": "2026-11-21T09:05:41.007Z",
}
HOOK_CREATED: Final = HOOK_SHOWN | {"secrets": ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]}
_DELIVERY: Final = {
    "deliveryId": DELIVERY,
    "hookId": HOOK,
    "executionId": EXECUTION,
    "eventType": "SUBMIT",
    "status": "COMPLETED",
    "url": "https://receiver.example/told",
    "createdAt": _AT,
}
DELIVERY_DUE: Final = _DELIVERY | {"state": "pending", "attempt": 0, "nextAttemptAt": _AT}
DELIVERY_SHOWN: Final = _DELIVERY | {
    "state": "delivered",
    "attempt": 1,
    "lastAttemptAt": "2026-11-21T09:06:00.611Z",
    "lastStatus": 204,
    "endedAt": "2026-11-21T09:06:00.611Z",
}
READY: Final = {"status": "ready", "triton": True, "database": True, "blobs": True, "admitting": True}
