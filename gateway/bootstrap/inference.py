"""Triton as the core sees it: the engine, the control of models, and who vouches for answers."""

import contextlib
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc.aio

from gateway.adapters.supervisor.stack import Endpoints
from gateway.adapters.triton.control import TritonControl, open_channel
from gateway.adapters.triton.counters import Counting, GrpcCounting, HttpCounting
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.grpc_engine import GrpcEngine
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.adapters.triton.models import TritonModels
from gateway.adapters.triton.witness import TritonWitness
from gateway.errors import CannotStart
from gateway.ports import InferenceEngine, ModelControl, Witness
from gateway.settings import Settings


@dataclass(frozen=True)
class Triton:
    """What the core needs of it."""

    engine: InferenceEngine
    control: TritonControl
    models: ModelControl
    witness: Witness


@contextlib.asynccontextmanager
async def triton(settings: Settings, endpoints: Endpoints) -> AsyncIterator[Triton]:
    """Triton, wherever the settings or the embedded stack have it; its connections end with the block."""
    async with contextlib.AsyncExitStack() as ends:
        channel = open_channel(endpoints.triton_grpc or _address("--triton-url", settings.triton_url, "grpc"))
        ends.push_async_callback(channel.close)
        deaths, control = Deaths(), TritonControl(channel)
        counting = _counting(settings, endpoints, channel)
        ends.push_async_callback(counting.close)
        engine = _engine(settings, endpoints, channel, deaths)
        ends.push_async_callback(engine.close)
        models = TritonModels(channel, control)
        shared = settings.triton_shared or settings.triton_url is not None
        yield Triton(engine, control, models, TritonWitness(counting, control, models, deaths, shared=shared))


def _engine(settings: Settings, endpoints: Endpoints, channel: grpc.aio.Channel, deaths: Deaths) -> InferenceEngine:
    """Inference over HTTP where its port is known, else over gRPC."""
    known = _triton_http(settings, endpoints)
    if known is None:
        return GrpcEngine(channel, settings.max_inferences, deaths)
    return HttpEngine(*known, settings.max_inferences, deaths)


def _counting(settings: Settings, endpoints: Endpoints, channel: grpc.aio.Channel) -> Counting:
    """Triton's counters, asked in the same way."""
    known = _triton_http(settings, endpoints)
    return GrpcCounting(channel) if known is None else HttpCounting(*known)


def _triton_http(settings: Settings, endpoints: Endpoints) -> tuple[str, int] | None:
    """The host and the port of Triton's HTTP endpoint, where they are known."""
    http = endpoints.triton_http
    if http is None and settings.triton_http_url is not None:
        http = _address("--triton-http-url", settings.triton_http_url, "http")
    if http is None:
        return None
    host, _, port = http.rpartition(":")
    return host.strip("[]"), int(port)


def _address(flag: str, url: str | None, scheme: str) -> str:
    """`host:port` of a URL of this scheme."""
    parts = urllib.parse.urlsplit(url or "")
    try:
        if parts.scheme == scheme and parts.hostname and parts.port:
            return parts.netloc
    except ValueError:
        pass
    raise CannotStart(f"{flag} is not of the form {scheme}://host:port.")
