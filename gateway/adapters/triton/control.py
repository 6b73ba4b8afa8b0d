"""Triton's control over gRPC: whether it is ready, and which models it has, as pipelines."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc.aio
import msgspec
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton.config import ModelConfig
from gateway.adapters.triton.failures import unavailable
from gateway.adapters.triton.repository import pipeline
from gateway.domain.pipelines import Pipeline, PipelineStatus
from gateway.limits import CONTROL_TIMEOUT
from gateway.ports import Discovery

log = logging.getLogger(__name__)

#: Seconds after which configs are read again although nothing about a model seems to have changed.
_CONFIGS_STALE: Final = 30.0
_MESSAGE_SIZE: Final = 2**31 - 1

_Key = tuple[tuple[str, str], ...]
_Answer = TypeVar("_Answer")


class Listed(msgspec.Struct, frozen=True):
    """What the repository index says of one model, all its versions together."""

    name: str
    states: tuple[tuple[str, str], ...]
    reason: str

    @property
    def ready_version(self) -> str | None:
        """The version that `-1` means now: the highest that is ready."""
        ready = [version for version, state in self.states if state == "READY"]
        return max(ready, key=lambda version: (len(version), version), default=None)

    @property
    def status(self) -> PipelineStatus:
        """The status of a pipeline of this name."""
        if self.ready_version is not None:
            return PipelineStatus.READY
        loading = any(state in ("LOADING", "UNLOADING") for _, state in self.states)
        return PipelineStatus.LOADING if loading else PipelineStatus.UNAVAILABLE


def open_channel(target: str) -> grpc.aio.Channel:
    """A channel to Triton that takes messages of any size and finds a restarted server within a second."""
    options = [
        ("grpc.max_send_message_length", _MESSAGE_SIZE),
        ("grpc.max_receive_message_length", _MESSAGE_SIZE),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.enable_http_proxy", 0),
    ]
    return grpc.aio.insecure_channel(target, options=options)


class TritonControl:
    """A `PipelineSource` over one gRPC channel, which the HTTP-less engine shares."""

    def __init__(self, channel: grpc.aio.Channel):
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        self._configs: dict[str, tuple[_Key, ModelConfig]] = {}
        self._read_at = float("-inf")
        #: The names of the models by backend, as somebody has asked for them since the configs were read.
        self._run_by: dict[str, frozenset[str]] = {}

    async def ready(self) -> bool:
        """See `PipelineSource.ready`."""
        try:
            answer = await self._stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.ready)

    async def discover(self, known: dict[str, Pipeline]) -> Discovery:
        """See `PipelineSource.discover`."""
        listed = await self._index()
        await self._read_configs(listed)
        versions = {name: each.ready_version for name, each in listed.items()}
        configs = {name: config for name, (_, config) in self._configs.items()}
        pipelines, hidden = [], set()
        for name, each in listed.items():
            if name in configs:
                if configs[name].platform == "ensemble":
                    pipelines.append(pipeline(configs[name], configs, versions, each.status, each.reason))
            elif name in known:
                pipelines.append(msgspec.structs.replace(known[name], status=each.status, reason=each.reason))
            else:
                hidden.add(name)
        return Discovery(pipelines, frozenset(hidden))

    def instance_groups(self) -> dict[str, str]:
        """Each group of instances that the last look showed, with the model that it belongs to."""
        return {group.name: name for name, (_, config) in self._configs.items() for group in config.instance_group}

    def models_of(self, backend: str) -> frozenset[str]:
        """The models that the last look showed to be run by this backend."""
        found = self._run_by.get(backend)
        if found is None:
            names = (name for name, (_, config) in self._configs.items() if config.backend == backend)
            found = self._run_by[backend] = frozenset(names)
        return found

    def is_serial(self, model: str) -> bool:
        """Whether the last look showed that it takes one inference at a time, and answers none from a cache."""
        known = self._configs.get(model)
        if known is None or known[1].response_cache.enable:
            return False
        return sum(group.count * max(1, len(group.gpus)) for group in known[1].instance_group) == 1

    def read_anew(self) -> None:
        """Have the next look read every config, whatever the index says."""
        self._read_at = float("-inf")

    async def _index(self) -> dict[str, Listed]:
        answer = await _asked(self._stub.RepositoryIndex, service_pb2.RepositoryIndexRequest())
        found: dict[str, Listed] = {}
        for each in answer.models:
            before = found.get(each.name, Listed(each.name, (), ""))
            states = (*before.states, (each.version, each.state))
            found[each.name] = Listed(each.name, states, before.reason or each.reason)
        return found

    async def _read_configs(self, listed: dict[str, Listed]) -> None:
        """Keep the configs of the models that are ready; the others' are what they were when they last were."""
        stale = time.monotonic() - self._read_at > _CONFIGS_STALE
        if stale:
            self._read_at = time.monotonic()
        changed = [
            each
            for each in listed.values()
            if each.ready_version is not None and (stale or self._configs.get(each.name, (None,))[0] != each.states)
        ]
        self._configs = {name: each for name, each in self._configs.items() if name in listed}
        for each, config in zip(changed, await asyncio.gather(*map(self._config, changed)), strict=True):
            if config is not None:
                self._configs[each.name] = each.states, config
        self._run_by.clear()

    async def _config(self, listed: Listed) -> ModelConfig | None:
        request = service_pb2.ModelConfigRequest(name=listed.name)
        try:
            answer = await self._stub.ModelConfig(request, timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.UNAVAILABLE and "model" not in (failure.details() or ""):
                raise unavailable(failure.details() or "") from failure
            log.info("triton.config_hidden", extra={"model": listed.name})
            return None
        config: ModelConfig = answer.config
        return config


async def _asked(call: Callable[..., Awaitable[_Answer]], request: object) -> _Answer:
    try:
        return await call(request, timeout=CONTROL_TIMEOUT)
    except grpc.aio.AioRpcError as failure:
        raise unavailable(f"{failure.code().name}: {failure.details()}") from failure
