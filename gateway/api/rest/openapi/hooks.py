"""The operations on hooks and deliveries."""

from collections.abc import Mapping
from typing import Final

from gateway.api.rest.openapi import examples, refusals
from gateway.api.rest.openapi.operation import Answer, Body, Operation, json, many, ref
from gateway.errors import DeliveryNotFound, HookExists, HookNotFound, TargetForbidden
from gateway.wire.hooks import DeliveryView, HookBody, HookView

_HOOK: Final = (*refusals.RECORDS, HookNotFound)
_DELIVERY: Final = (*refusals.RECORDS, DeliveryNotFound)
_DEFINITION: Final = (*refusals.RECORDS, *refusals.JSON_BODY, TargetForbidden)
_LINK: Final = ("Link",)
_SHOWN: Final = json(ref(HookView), shown=examples.HOOK_SHOWN)
_DELIVERIES: Final = Answer(200, "Deliveries.", json(many(DeliveryView), one=[examples.DELIVERY_SHOWN]), _LINK)

OPERATIONS: Final[Mapping[str, Operation]] = {
    "createHook": Operation(
        tag="Hooks",
        summary="Create a hook",
        body=Body(
            json(
                ref(HookBody),
                told_of_every_end=examples.HOOK_BODY,
                told_of_updates_through_a_transform=examples.HOOK_WITH_TRANSFORM,
            ),
            "What it is told of, where and how.",
        ),
        answers=[Answer(200, "It is new.", json(ref(HookView), with_its_secret=examples.HOOK_CREATED))],
        refusals=(*_DEFINITION, HookExists),
    ),
    "listHooks": Operation(
        tag="Hooks",
        summary="List hooks",
        answers=[Answer(200, "Hooks.", json(many(HookView), one=[examples.HOOK_SHOWN]), _LINK)],
        refusals=refusals.LISTS,
    ),
    "getHook": Operation(
        tag="Hooks", summary="Show a hook", answers=[Answer(200, "The hook.", _SHOWN)], refusals=_HOOK
    ),
    "updateHook": Operation(
        tag="Hooks",
        summary="Change a hook",
        body=Body(json(ref(HookBody), another_secret=examples.HOOK_ROTATED), "The whole of it, but for its secrets."),
        answers=[Answer(200, "The hook as it is now.", _SHOWN)],
        refusals=(*_DEFINITION, HookNotFound),
    ),
    "deleteHook": Operation(tag="Hooks", summary="Delete a hook", answers=[Answer(204, "It is gone.")], refusals=_HOOK),
    "listHookDeliveries": Operation(
        tag="Hooks",
        summary="List the deliveries of a hook",
        answers=[_DELIVERIES],
        refusals=(*refusals.LISTS, HookNotFound),
    ),
    "listExecutionDeliveries": Operation(
        tag="Hooks",
        summary="List the deliveries of an execution",
        answers=[_DELIVERIES],
        refusals=(*refusals.LISTS, *refusals.EXECUTION),
    ),
    "getDelivery": Operation(
        tag="Hooks",
        summary="Show a delivery",
        answers=[Answer(200, "The delivery.", json(ref(DeliveryView), delivered=examples.DELIVERY_SHOWN))],
        refusals=_DELIVERY,
    ),
    "resendDelivery": Operation(
        tag="Hooks",
        summary="Send a delivery again",
        answers=[Answer(202, "It is due now.", json(ref(DeliveryView), due=examples.DELIVERY_DUE))],
        refusals=_DELIVERY,
    ),
    "submitExecution": Operation(
        tag="Hooks",
        summary="Submit an execution",
        answers=[Answer(202, "What is sent to whom.", json(many(DeliveryView), one=[examples.DELIVERY_DUE]))],
        refusals=refusals.EXECUTION,
    ),
}
STRUCTS: Final = (HookBody, HookView, DeliveryView)
