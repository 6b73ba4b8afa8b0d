"""Triton's control of single models: which one an instance belongs to, unloading it, and loading it as it was."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc.aio
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton.control import TritonControl
from gateway.adapters.triton.failures import unavailable
from gateway.errors import GatewayError, PipelineNotReady
from gateway.limits import CONTROL_TIMEOUT, HEALING_TIMEOUT

log = logging.getLogger(__name__)

#: What Triton adds to the name of a group for each of its instances.
_NUMBER: Final = r"(_\d+)*(_gpu\d+)?"
_FORBIDDEN: Final = "is not allowed"

_Answer = TypeVar("_Answer")


class TritonModels:
    """A `ModelControl` over one gRPC channel."""

    def __init__(self, channel: grpc.aio.Channel, control: TritonControl):
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        self._control = control
        #: The configs that unloaded models had.
        self._before: dict[str, Message] = {}
        #: Loads that Triton has not answered: one whose process died while it loaded never will.
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._forbidden = False

    def model_of(self, instance: str) -> str | None:
        """See `ModelControl.model_of`."""
        groups = self._control.instance_groups()
        fitting = [name for name in groups if re.fullmatch(re.escape(name) + _NUMBER, instance)]
        if not fitting:
            # Somebody gave a model other instances since its config was read.
            self._control.read_anew()
            return None
        return groups[max(fitting, key=len)]

    async def has_failed(self, model: str) -> bool:
        """See `ModelControl.has_failed`: loading a model sets its counters back."""
        request = service_pb2.ModelStatisticsRequest(name=model)
        try:
            answer = await self._stub.ModelStatistics(request, timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError:
            return True
        return any(each.inference_stats.fail.count for each in answer.model_stats)

    async def unload(self, model: str) -> None:
        """See `ModelControl.unload`."""
        config = await self._config(model)
        request = service_pb2.RepositoryModelUnloadRequest(model_name=model)
        await self._ordered(self._stub.RepositoryModelUnload(request, timeout=CONTROL_TIMEOUT))
        if config is not None:
            self._before[model] = config

    async def load(self, model: str) -> None:
        """See `ModelControl.load`."""
        loading = self._loading.get(model)
        if loading is None:
            loading = self._loading[model] = asyncio.create_task(self._load(model))
            loading.add_done_callback(self._loaded(model))
        try:
            async with asyncio.timeout(HEALING_TIMEOUT):
                await asyncio.shield(loading)
        except TimeoutError:
            log.warning("model.load_hangs", extra={"model": model})
            raise PipelineNotReady from None

    def _loaded(self, model: str) -> "Callable[[asyncio.Task[None]], None]":
        def forget(loading: "asyncio.Task[None]") -> None:
            self._loading.pop(model, None)
            if not loading.cancelled():
                loading.exception()

        return forget

    async def _load(self, model: str) -> None:
        """Load what the repository has; where the API had given the model another config, give it that one again."""
        await self._ordered(self._stub.RepositoryModelLoad(service_pb2.RepositoryModelLoadRequest(model_name=model)))
        before = self._before.pop(model, None)
        if before is not None and await self._config(model) != before:
            await self._load_with(model, before)

    async def _load_with(self, model: str, config: Message) -> None:
        request = service_pb2.RepositoryModelLoadRequest(model_name=model)
        request.parameters["config"].string_param = MessageToJson(config, preserving_proto_field_name=True)
        try:
            await self._ordered(self._stub.RepositoryModelLoad(request))
        except GatewayError:
            log.warning("model.config_lost", extra={"model": model})

    async def _config(self, model: str) -> Message | None:
        """Its config, if Triton shows it now."""
        try:
            answer = await self._stub.ModelConfig(service_pb2.ModelConfigRequest(name=model), timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError:
            return None
        config: Message = answer.config
        return config

    async def _ordered(self, order: Awaitable[_Answer]) -> _Answer:
        try:
            return await order
        except grpc.aio.AioRpcError as failure:
            raise self._refusal(failure) from failure

    def _refusal(self, failure: grpc.aio.AioRpcError) -> GatewayError:
        said = failure.details() or ""
        if _FORBIDDEN in said:
            if not self._forbidden:
                self._forbidden = True
                log.warning("models.control_forbidden", extra={"said": said[:1000]})
            return PipelineNotReady()
        if failure.code() is grpc.StatusCode.UNAVAILABLE and "model" not in said:
            return unavailable(said)
        log.warning("model.order_failed", extra={"said": said[:1000]})
        return PipelineNotReady()
