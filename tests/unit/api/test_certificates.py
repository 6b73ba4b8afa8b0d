import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.api.certificates import Certificates
from gateway.api.grpc.server import GrpcServer
from gateway.api.rest.server import RestServer
from gateway.core.drain import Drain
from gateway.errors import CannotStart
from unit.fakes import gateway


class Files:
    """A certificate, its key and the authorities of callers, in a folder."""

    def __init__(self, folder: Path):
        self.chain, self.key, self.authorities = (folder / name for name in ("chain.pem", "key.pem", "ca.pem"))

    def write(self, issuer: trustme.CA, callers: trustme.CA | None = None) -> None:
        issued = issuer.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(self.key)
        issued.cert_chain_pems[0].write_to_path(self.chain)
        (callers or issuer).cert_pem.write_to_path(self.authorities)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@contextlib.asynccontextmanager
async def doors(certificates: Certificates) -> AsyncIterator[tuple[int, int]]:
    built = await gateway()
    listener = socket.create_server(("127.0.0.1", 0))
    rest = RestServer(built.services, listener, certificates)
    grpc_server = GrpcServer(built.services, "127.0.0.1:0", certificates)
    port = await grpc_server.start()
    await rest.start()
    try:
        yield listener.getsockname()[1], port
    finally:
        drain = Drain(0.0, 1.0)
        drain.begin()
        await asyncio.gather(rest.stop(drain), grpc_server.stop(drain))
        listener.close()


async def rest_answers(port: int, trusted: trustme.CA, shown: trustme.CA | None = None) -> bool:
    context = ssl.create_default_context()
    trusted.configure_trust(context)
    if shown is not None:
        shown.issue_cert("caller@example.org").configure_cert(context)
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        try:
            return (await client.get(f"https://localhost:{port}/health")).status_code == 200
        except httpx.TransportError:
            return False


async def grpc_answers(port: int, trusted: trustme.CA, shown: trustme.CA | None = None) -> bool:
    own = None if shown is None else shown.issue_cert("caller@example.org")
    credentials = grpc.ssl_channel_credentials(
        trusted.cert_pem.bytes(),
        None if own is None else own.private_key_pem.bytes(),
        None if own is None else own.cert_chain_pems[0].bytes(),
    )
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
        try:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        except grpc.aio.AioRpcError as failure:
            return failure.code() is not grpc.StatusCode.UNAVAILABLE
        return True


async def test_both_doors_show_the_certificate_and_take_nothing_in_plain_text(files: Files) -> None:
    issuer, other = trustme.CA(), trustme.CA()
    files.write(issuer)
    async with doors(Certificates(files.chain, files.key)) as (rest, port):
        assert await rest_answers(rest, issuer)
        assert await grpc_answers(port, issuer)
        assert not await rest_answers(rest, other)
        assert not await grpc_answers(port, other)
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{rest}/health")


async def test_a_certificate_that_changes_is_shown_to_the_next_caller(files: Files) -> None:
    before, after = trustme.CA(), trustme.CA()
    files.write(before)
    async with doors(Certificates(files.chain, files.key)) as (rest, port):
        assert await rest_answers(rest, before)
        assert await grpc_answers(port, before)
        files.write(after)
        assert await rest_answers(rest, after)
        assert await grpc_answers(port, after)
        assert not await rest_answers(rest, before)


async def test_callers_show_a_certificate_of_their_own_where_authorities_are_named(files: Files) -> None:
    issuer, callers, strangers = trustme.CA(), trustme.CA(), trustme.CA()
    files.write(issuer, callers)
    async with doors(Certificates(files.chain, files.key, files.authorities)) as (rest, port):
        assert await rest_answers(rest, issuer, callers)
        assert await grpc_answers(port, issuer, callers)
        for shown in (None, strangers):
            assert not await rest_answers(rest, issuer, shown)
            assert not await grpc_answers(port, issuer, shown)
        files.write(issuer, strangers)
        assert await rest_answers(rest, issuer, strangers)
        assert await grpc_answers(port, issuer, strangers)
        assert not await rest_answers(rest, issuer, callers)


async def test_files_that_do_not_fit_together_leave_the_doors_with_what_they_had(files: Files) -> None:
    issuer = trustme.CA()
    files.write(issuer)
    async with doors(Certificates(files.chain, files.key)) as (rest, port):
        files.key.write_text("half of a key")
        assert await rest_answers(rest, issuer)
        assert await grpc_answers(port, issuer)
        files.key.unlink()
        assert await rest_answers(rest, issuer)
        assert await grpc_answers(port, issuer)


@pytest.mark.parametrize("broken", ["chain", "key", "authorities"])
async def test_files_that_cannot_be_used_stop_the_program_with_what_to_do(files: Files, broken: str) -> None:
    files.write(trustme.CA())
    getattr(files, broken).write_text("no certificate")
    with pytest.raises(CannotStart, match="--tls-cert, --tls-key or --tls-client-ca"):
        Certificates(files.chain, files.key, files.authorities)
