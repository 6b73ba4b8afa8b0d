"""The operations that say how the gateway is."""

from collections.abc import Mapping
from typing import Final

from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Operation, json, ref
from gateway.api.rest.routes import Alive, Ready

_NOT_READY: Final = examples.READY | {"status": "not ready", "triton": False}
OPERATIONS: Final[Mapping[str, Operation]] = {
    "health": Operation(
        tag="Health",
        summary="Whether the gateway lives",
        answers=[Answer(200, "It lives.", json(ref(Alive), alive={"status": "ok"}))],
        refusals=(),
    ),
    "ready": Operation(
        tag="Health",
        summary="Whether the gateway takes work",
        answers=[
            Answer(200, "It is ready.", json(ref(Ready), ready=examples.READY)),
            Answer(503, "A part is away.", json(ref(Ready), not_ready=_NOT_READY)),
        ],
        refusals=refusals.ANY,
    ),
}
STRUCTS: Final = (Alive, Ready)
