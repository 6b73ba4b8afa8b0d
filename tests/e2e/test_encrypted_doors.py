"""The installed gateway with TLS, client certificates and a rate: through httpx, gRPC and its own command."""

import base64
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import trustme

from e2e.served import PROGRAM, Served, exited, start, until
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

CALLS = 6


class Encrypted:
    """A gateway with TLS, the authority that its callers trust, and a certificate of theirs."""

    def __init__(self, served: Served, authority: trustme.CA, own: trustme.LeafCert):
        self.served = served
        self.rest = served.rest.replace("http://", "https://")
        self.authority = authority
        self.own = own

    def client(self) -> httpx.Client:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        self.own.configure_cert(context)
        return httpx.Client(base_url=self.rest, verify=context, timeout=60)

    def channel(self) -> grpc.Channel:
        trusted, own = self.authority.cert_pem.bytes(), self.own
        credentials = grpc.ssl_channel_credentials(trusted, own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())
        return grpc.secure_channel(self.served.target, credentials)

    def answers(self) -> bool:
        with self.client() as client:
            try:
                return client.get("/ready").status_code == 200
            except httpx.TransportError:
                return False


def paths(folder: Path, authority: trustme.CA) -> dict[str, Path]:
    """The files of a server's certificate."""
    issued = authority.issue_cert("127.0.0.1")
    found = {name: folder / f"{name}.pem" for name in ("cert", "key", "client-ca")}
    issued.cert_chain_pems[0].write_to_path(found["cert"])
    issued.private_key_pem.write_to_path(found["key"])
    authority.cert_pem.write_to_path(found["client-ca"])
    return found


@pytest.fixture(scope="module")
def encrypted(short_folder: Path, outside: tuple[str, ...]) -> Iterator[Encrypted]:
    authority = trustme.CA()
    folder = short_folder / "certificates"
    folder.mkdir()
    files = [flag for name, path in paths(folder, authority).items() for flag in (f"--tls-{name}", str(path))]
    served = start(short_folder / "encrypted", *outside, *files, "--no-worker")
    found = Encrypted(served, authority, authority.issue_cert("caller@example.org"))
    try:
        until(lambda: found.answers() or exited(served))
        yield found
    finally:
        served.process.terminate()
        served.process.wait(60)


def body(text: str) -> dict[str, list[str]]:
    return {"media": [base64.b64encode(text.encode()).decode()]}


def test_both_doors_run_pipelines_under_tls_and_say_so(encrypted: Encrypted) -> None:
    with encrypted.client() as client:
        answer = client.post("/v1/pipelines/say/executeSync", json=body("by REST"))
    assert answer.json()["mediaContents"][0]["rawText"] == "by REST"
    assert answer.headers["strict-transport-security"]
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id="say", media=[media_pb2.Media(data=b"by gRPC")])
    with encrypted.channel() as channel:
        reply = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request, timeout=30)
    assert json.loads(reply.observation)["mediaContents"][0]["rawText"] == "by gRPC"
    assert "https://" in encrypted.served.said.read_text()


def test_who_shows_no_certificate_is_not_heard(encrypted: Encrypted) -> None:
    context = ssl.create_default_context()
    encrypted.authority.configure_trust(context)
    with httpx.Client(base_url=encrypted.rest, verify=context) as client, pytest.raises(httpx.TransportError):
        client.get("/health")


def test_a_gateway_whose_certificate_cannot_be_used_does_not_start(new_folder: Path, outside: tuple[str, ...]) -> None:
    command = [PROGRAM, "serve", "--data-dir", new_folder / "data", *outside, "--tls-cert", new_folder / "none.pem"]
    for flags, sentence in (
        ([], "name --tls-cert and --tls-key"),
        (["--tls-key", new_folder / "none.pem"], "check that they are PEM"),
    ):
        done = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert sentence in done.stderr


def test_the_command_talks_to_it_where_the_authority_is_trusted(
    new_folder: Path, short_folder: Path, outside: tuple[str, ...]
) -> None:
    authority = trustme.CA()
    files = paths(new_folder, authority)
    flags = ["--tls-cert", str(files["cert"]), "--tls-key", str(files["key"])]
    served = start(short_folder / "trusted", *outside, *flags, "--no-worker", "--key-rate", f"{CALLS}/day")
    found = Encrypted(served, authority, authority.issue_cert("caller@example.org"))
    environment = {**os.environ, "SSL_CERT_FILE": str(files["client-ca"]), "GATEWAY_URL": found.rest}
    try:
        until(lambda: found.answers() or exited(served))
        command = [PROGRAM, "pipeline", "list"]
        done = [subprocess.run(command, capture_output=True, text=True, env=environment) for _ in range(CALLS + 1)]
    finally:
        served.process.terminate()
        served.process.wait(60)
    assert [each.returncode for each in done] == [*[0] * CALLS, 1]
    assert "rate.limited" in done[-1].stderr or "as many calls as it may" in done[-1].stderr
