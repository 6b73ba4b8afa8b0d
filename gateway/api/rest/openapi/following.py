"""The operations on single runs: looked at, waited for, followed and canceled."""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.api.rest.event_stream import CONTENT_TYPE
from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Content, Operation, json, ref, shown
from gateway.wire.runs import AttemptView, RunEventView, RunUrls, RunView

_TAG: Final = "Runs"
_TAGGED: Final = ("ETag", "Retry-After")


def _stream(*events: Mapping[str, object]) -> Content:
    lines = [
        f"id: {number}\nevent: {each['state']}\ndata: {msgspec.json.encode(each).decode()}\n\n"
        for number, each in enumerate(events, 1)
    ]
    return {CONTENT_TYPE: {"schema": {"type": "string"}} | shown({"a_run_that_was_canceled": "".join(lines)})}


OPERATIONS: Final[Mapping[str, Operation]] = {
    "getRun": Operation(
        tag=_TAG,
        summary="Show a run, or wait for it",
        answers=[
            Answer(
                200, "The run.", json(ref(RunView), completed=examples.RUN_SHOWN, waiting=examples.WAITING), _TAGGED
            ),
            Answer(304, "It is still as its `ETag` says.", headers=_TAGGED),
        ],
        refusals=refusals.FOLLOW,
        takes=("IfNoneMatch",),
    ),
    "followRun": Operation(
        tag=_TAG,
        summary="Follow a run",
        answers=[
            Answer(
                200,
                "Events: `id` is the number, `event` the state, `data` a `RunEvent`; that of the end is the `Run`. A "
                "comment now and then is a sign of life; `event: error` says in a `Problem` why there are no more.",
                _stream(examples.QUEUED_EVENT, examples.CANCELED),
            ),
            Answer(204, "The run has ended, and no event is left."),
        ],
        refusals=refusals.FOLLOW,
        takes=("LastEventId",),
    ),
    "cancelRun": Operation(
        tag=_TAG,
        summary="Cancel a run",
        answers=[
            Answer(202, "It is canceled, or will be soon.", json(ref(RunView), canceled=examples.CANCELED), _TAGGED),
            Answer(200, "That was asked before.", json(ref(RunView), canceled=examples.CANCELED), _TAGGED),
        ],
        refusals=refusals.CANCEL,
    ),
}
STRUCTS: Final = (AttemptView, RunUrls, RunEventView)
