"""The operations on files, and on the artifacts of executions."""

from collections.abc import Mapping
from typing import Final

from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Body, Operation, json, many, ref, text
from gateway.limits import MAX_RETENTION
from gateway.wire.artifacts import ArtifactView
from gateway.wire.fields import Schema
from gateway.wire.files import FileView

_LINK: Final = ("Link",)
_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_BYTES: Final = Answer(200, "The bytes, with their own type.", {"*/*": {"schema": _BINARY}}, ("Content-Disposition",))
_FORM: Final[Schema] = {
    "type": "object",
    "description": "One file, and what there is to say of it.",
    "properties": {
        "file": _BINARY,
        "purpose": {"type": "string"},
        "expiresAfter": {"type": "number", "minimum": 0, "maximum": MAX_RETENTION},
    },
    "required": ["file"],
    "additionalProperties": False,
}
_FILE: Final = {
    "multipart/form-data": {"schema": _FORM},
    "application/octet-stream": {"schema": _BINARY},
    **text(a_note="Paid in full."),
    "*/*": {"schema": _BINARY},
}

FILES: Final[Mapping[str, Operation]] = {
    "createFile": Operation(
        tag="Files",
        summary="Put in a file",
        body=Body(_FILE, "The file: as it is, or as the part `file` of a form."),
        answers=[Answer(200, "It is stored.", json(ref(FileView), stored=examples.FILE_SHOWN))],
        refusals=refusals.FILE_UPLOAD,
    ),
    "listFiles": Operation(
        tag="Files",
        summary="List files",
        answers=[Answer(200, "Files.", json(many(FileView), one=[examples.FILE_SHOWN]), _LINK)],
        refusals=refusals.LISTS,
    ),
    "getFile": Operation(
        tag="Files",
        summary="Show a file",
        answers=[Answer(200, "The file.", json(ref(FileView), shown=examples.FILE_SHOWN))],
        refusals=refusals.FILE,
    ),
    "getFileContent": Operation(
        tag="Files", summary="Fetch the bytes of a file", answers=[_BYTES], refusals=refusals.FILE
    ),
    "deleteFile": Operation(
        tag="Files", summary="Delete a file", answers=[Answer(204, "It is gone.")], refusals=refusals.FILE
    ),
}
ARTIFACTS: Final[Mapping[str, Operation]] = {
    "listArtifacts": Operation(
        tag="Artifacts",
        summary="List what the runs of an execution have made",
        answers=[Answer(200, "Artifacts.", json(many(ArtifactView), one=[examples.ARTIFACT_SHOWN]), _LINK)],
        refusals=(*refusals.LISTS, *refusals.EXECUTION),
    ),
    "getArtifact": Operation(
        tag="Artifacts", summary="Fetch an artifact", answers=[_BYTES], refusals=refusals.ARTIFACT
    ),
}
OPERATIONS: Final = {**FILES, **ARTIFACTS}
STRUCTS: Final = (FileView, ArtifactView)
