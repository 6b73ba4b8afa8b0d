"""The contenders of the background: the gateway's executeAsync, and a service written by hand that does the same."""

import sys
from dataclasses import dataclass
from typing import Final

from bench import bodies
from bench.bodies import PIPELINE
from bench.contenders import JSON, Gateway, Site
from bench.server import Server, free_port
from bench.target import Target

GATEWAY: Final = "gateway executeAsync"
HAND_WRITTEN: Final = "hand-written, PgQueuer"
EXECUTE: Final = f"/v1/pipelines/{PIPELINE}/executeAsync"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One service that takes runs for the background, and works them off in the same process."""

    name: str
    server: Server
    database_url: str
    port: int
    #: Answers 200 once the service is ready.
    ready: str

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        await self.server.start(self.port, self.ready)

    def target(self, media: bytes) -> Target:
        """One call of executeAsync."""
        return Target(protocol="http", port=self.port, path=EXECUTE, body=bodies.rest(media), headers=JSON)


def gateway(site: Site, database_url: str) -> Contender:
    """The gateway as an operator would start it: its worker is in the process."""
    planned = Gateway.plan(site, database_url)
    return Contender(
        name=GATEWAY, server=planned.server, database_url=database_url, port=planned.rest_port, ready="/ready"
    )


def handwritten(site: Site, database_url: str) -> Contender:
    """The service written by hand, its worker in the process too."""
    port = free_port()
    options = f"--host 127.0.0.1 --port {port} --loop uvloop --http httptools --no-access-log"
    command = [sys.executable, "-m", "uvicorn", "bench.handwritten_background:app", *options.split()]
    environment = {
        "TRITON_URL": str(site.endpoints.triton_grpc),
        "DATABASE_URL": database_url,
        "MEDIA_FOLDER": str(site.work / "handwritten-media"),
    }
    server = Server(HAND_WRITTEN, command, environment, site.logs / "handwritten_background.log")
    return Contender(name=HAND_WRITTEN, server=server, database_url=database_url, port=port, ready="/health")
