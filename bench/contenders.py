"""The contenders: the same pipeline, reached directly, through the gateway, and through a service written by hand."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench import bodies
from bench.bodies import PIPELINE, Observation
from bench.calls import call
from bench.faults import BenchFailed
from bench.server import Server, free_port
from bench.target import Target
from gateway.adapters.supervisor.stack import Endpoints

DIRECT_HTTP: Final = "direct HTTP"
DIRECT_GRPC: Final = "direct gRPC"
GATEWAY_REST: Final = "gateway REST"
GATEWAY_GRPC: Final = "gateway gRPC"
HAND_WRITTEN: Final = "hand-written"
JSON: Final = {"Content-Type": "application/json"}
EXECUTE: Final = f"/v1/pipelines/{PIPELINE}/executeSync"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every service of ours stands on, and where it writes."""

    endpoints: Endpoints
    #: On the disk, gone at the end.
    work: Path
    logs: Path


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to the pipeline."""

    name: str
    target: Target
    #: Finds the model's own answer in a reply.
    observation: Callable[[bytes], Observation]
    #: Whose CPU time counts; None: there is nothing between the caller and Triton.
    server: Server | None = None
    #: Where it keeps its records; None: nowhere.
    database_url: str | None = None

    async def seen(self) -> tuple["Contender", Observation]:
        """One real call: the contender that knows how long a good reply is, and what it answered."""
        reply = await asyncio.to_thread(call, self.target)
        target = msgspec.structs.replace(self.target, reply_bytes=len(reply))
        return replace(self, target=target), self.observation(reply)


def direct(stack: Endpoints, media: bytes) -> list[Contender]:
    """Triton itself, over both of its doors."""
    body, headers = bodies.triton_http(media)
    http = Target(
        protocol="http", port=_port(stack.triton_http), path=f"/v2/models/{PIPELINE}/infer", body=body, headers=headers
    )
    grpc = Target(
        protocol="grpc",
        port=_port(stack.triton_grpc),
        path="/inference.GRPCInferenceService/ModelInfer",
        body=bodies.triton_grpc(media),
    )
    return [
        Contender(name=DIRECT_HTTP, target=http, observation=bodies.of_triton_http),
        Contender(name=DIRECT_GRPC, target=grpc, observation=bodies.of_triton_grpc),
    ]


@dataclass(frozen=True)
class Gateway:
    """The gateway's process, as an operator would start it, and the two contenders that it makes."""

    server: Server
    database_url: str
    rest_port: int
    grpc_port: int

    @classmethod
    def plan(cls, site: Site, database_url: str) -> "Gateway":
        """The process that is to be started."""
        stack = site.endpoints
        rest, grpc = free_port(), free_port()
        options = {
            "--rest-port": str(rest),
            "--grpc-port": str(grpc),
            "--triton-url": f"grpc://{stack.triton_grpc}",
            "--triton-http-url": f"http://{stack.triton_http}",
            "--database-url": database_url,
            "--blob-url": (site.work / "blobs").as_uri(),
        }
        command = [
            str(Path(sys.executable).with_name("gateway")),
            "serve",
            *(word for pair in options.items() for word in pair),
        ]
        return cls(
            Server("gateway", command, {}, site.logs / f"{database_url.rpartition('/')[2]}.log"),
            database_url,
            rest,
            grpc,
        )

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        await self.server.start(self.rest_port, "/ready")

    def contenders(self, media: bytes) -> list[Contender]:
        """REST and gRPC of the one process."""
        rest = Target(protocol="http", port=self.rest_port, path=EXECUTE, body=bodies.rest(media), headers=JSON)
        path = "/gateway.v1.Pipelines/ExecuteSync"
        grpc = Target(protocol="grpc", port=self.grpc_port, path=path, body=bodies.gateway_grpc(media))
        mine = partial(Contender, server=self.server, database_url=self.database_url)
        return [
            mine(name=GATEWAY_REST, target=rest, observation=bodies.of_rest),
            mine(name=GATEWAY_GRPC, target=grpc, observation=bodies.of_gateway_grpc),
        ]


@dataclass(frozen=True)
class Handwritten:
    """The process of the service written by hand, and the contender that it makes."""

    server: Server
    database_url: str
    port: int

    @classmethod
    def plan(cls, site: Site, database_url: str) -> "Handwritten":
        """The process that is to be started."""
        port = free_port()
        options = [
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--loop",
            "uvloop",
            "--http",
            "httptools",
            "--no-access-log",
        ]
        command = [sys.executable, "-m", "uvicorn", "bench.handwritten:app", *options]
        environment = {"TRITON_URL": str(site.endpoints.triton_grpc), "DATABASE_URL": database_url}
        return cls(Server(HAND_WRITTEN, command, environment, site.logs / "handwritten.log"), database_url, port)

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        await self.server.start(self.port, "/health")

    def contenders(self, media: bytes) -> list[Contender]:
        """Its one door."""
        target = Target(protocol="http", port=self.port, path=EXECUTE, body=bodies.rest(media), headers=JSON)
        return [
            Contender(
                name=HAND_WRITTEN,
                target=target,
                observation=bodies.of_rest,
                server=self.server,
                database_url=self.database_url,
            )
        ]


async def checked(contenders: list[Contender]) -> list[Contender]:
    """The contenders, each after one real call; all must have found the same.

    Raises:
        BenchFailed: one refused, or found something else.
    """
    found = [await each.seen() for each in contenders]
    expected = found[0][1]
    for contender, observation in found:
        if observation != expected or None in observation.values():
            raise BenchFailed(f"{contender.name} answered {observation}, {found[0][0].name} {expected}.")
    return [contender for contender, _ in found]


def _port(address: str | None) -> int:
    assert address is not None
    return int(address.rpartition(":")[2])
