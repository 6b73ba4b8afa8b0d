"""The operations that say how the gateway is."""

from collections.abc import Mapping
from typing import Final

from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Operation, json, ref, text
from gateway.api.rest.routes import Alive, Ready

_NOT_READY: Final = examples.READY | {"status": "not ready", "triton": False}
_METRICS: Final = """# HELP gateway_runs_total Runs that have ended, by pipeline and end state.
# TYPE gateway_runs_total counter
gateway_runs_total{pipeline="ocr",state="completed"} 2.0
"""
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
    "metrics": Operation(
        tag="Health",
        summary="What Prometheus reads",
        answers=[Answer(200, "Every metric, in Prometheus's text format.", text(of_two_runs=_METRICS))],
        refusals=refusals.ANY,
    ),
}
STRUCTS: Final = (Alive, Ready)
