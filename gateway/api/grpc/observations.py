"""`gateway.v1.Observations`: each method converts, calls the core, and converts back."""

from typing import Any

import grpc.aio

from gateway.api.grpc.entering import caller, needs
from gateway.api.grpc.pages import page_limit
from gateway.api.services import Services
from gateway.core.executions import place
from gateway.domain.access import Scope
from gateway.v1 import observations_pb2, observations_pb2_grpc
from gateway.wire.observations import given_entries

Context = grpc.aio.ServicerContext[Any, Any]


class Observations(observations_pb2_grpc.ObservationsServicer):
    """What runs have found."""

    def __init__(self, services: Services):
        self._services = services

    @needs(Scope.READ)
    async def GetObservation(
        self, request: observations_pb2.GetObservationRequest, context: Context
    ) -> observations_pb2.GetObservationResponse:
        """The whole observation of one execution."""
        observation = await self._services.observations.document(caller(), request.execution_id)
        return observations_pb2.GetObservationResponse(execution_id=request.execution_id, observation=observation)

    @needs(Scope.READ)
    async def ListEntries(
        self, request: observations_pb2.ListEntriesRequest, context: Context
    ) -> observations_pb2.ListEntriesResponse:
        """A page of an observation."""
        page = await self._services.observations.page(
            caller(),
            request.execution_id,
            page_limit(request.limit),
            place(request.cursor or None),
            superseded=request.superseded,
        )
        return observations_pb2.ListEntriesResponse(observation=page.document, next_cursor=page.next_cursor or "")

    @needs(Scope.RUN)
    async def MergeObservation(
        self, request: observations_pb2.MergeObservationRequest, context: Context
    ) -> observations_pb2.MergeObservationResponse:
        """Merge an observation into the stored one."""
        await self._services.observations.merge(caller(), request.execution_id, given_entries(request.observation))
        return observations_pb2.MergeObservationResponse()

    @needs(Scope.READ)
    async def GetObservationJson(
        self, request: observations_pb2.GetObservationJsonRequest, context: Context
    ) -> observations_pb2.GetObservationJsonResponse:
        """The plain JSON form."""
        found = await self._services.observations.json(caller(), request.execution_id)
        return observations_pb2.GetObservationJsonResponse(json=found)

    @needs(Scope.READ)
    async def TransformObservation(
        self, request: observations_pb2.TransformObservationRequest, context: Context
    ) -> observations_pb2.TransformObservationResponse:
        """What an expression makes of it."""
        found = await self._services.observations.transform(caller(), request.execution_id, request.transform)
        return observations_pb2.TransformObservationResponse(result=b"null" if found is None else found)
