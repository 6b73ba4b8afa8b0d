"""Who may enter: every route of the served OpenAPI document and every RPC of the served reflection is tried."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from e2e.served import PROGRAM, Served, free_port, serving, until
from places import ROOT

#: What anybody may ask for, and nothing else.
OPEN_ROUTES = {("get", "/health"), ("get", "/ready")}
OPEN_PAGES = ("/openapi.json", "/openapi.yaml", "/docs", "/redoc", "/docs/assets/swagger.js")
OPEN_SERVICES = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
SCOPES = ("run", "read", "deploy")
SECRET = "a secret of tests, of more than thirty-two bytes"

Call = Callable[[str | None], str]


@dataclass(frozen=True)
class Asking:
    """A gateway that asks for keys, and keys of each kind."""

    served: Served
    client: httpx.Client
    flags: tuple[str, ...]
    keys: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120)

    def made(self, *flags: str) -> str:
        """A new key."""
        done = self.command("key", "create", "walker", *flags, *self.flags)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"gw_[0-9a-f]{16}_[\w-]{43}\n", done.stdout)
        return done.stdout.strip()

    def status(self, key: str | None, method: str = "get", path: str = "/v1/pipelines") -> int:
        headers = {} if key is None else {"X-API-Key": key}
        return self.client.request(method, path, headers=headers).status_code


@pytest.fixture(scope="module")
def asking(short_folder: Path, outside: tuple[str, ...]) -> Iterator[Asking]:
    """The gateway, with a key of each scope, one for another pipeline, one that was revoked and one that expired."""
    with serving(short_folder / "asking", "--auth", "api_key", *outside) as served, served.client() as client:
        url = outside[outside.index("--database-url") + 1]
        found = Asking(served, client, ("--database-url", url))
        for scope in (*SCOPES, "admin"):
            found.keys[scope] = found.made("--scope", scope)
        every = ("--scope", "run", "--scope", "read", "--scope", "deploy")
        found.keys["limited"] = found.made(*every, "--pipeline", "never_was")
        found.keys["expired"] = found.made(*every, "--expires", "1s")
        found.keys["revoked"] = found.made(*every)
        assert found.status(found.keys["revoked"]) == 200
        revoked = found.command("key", "revoke", found.keys["revoked"].split("_")[1], *found.flags)
        assert revoked.returncode == 0, revoked.stderr
        for name in ("expired", "revoked"):
            until(lambda name=name: found.status(found.keys[name]) == 401, 30)  # type: ignore[misc]
        yield found


def operations(asking: Asking) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = httpx.get(asking.served.rest + "/openapi.json", timeout=30).json()
    for path, item in document["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield method, re.sub(r"\{.*?\}", "never_was", path), item[method]


def methods(channel: grpc.Channel) -> Iterator[MethodDescriptor]:
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    for name in database.get_services():
        if name not in OPEN_SERVICES:
            yield from pool.FindServiceByName(name).methods


def code(channel: grpc.Channel, method: MethodDescriptor, key: str | None) -> grpc.StatusCode:
    """How a call of this method ends, with an empty message."""
    metadata = () if key is None else (("x-api-key", key),)
    path = f"/{method.containing_service.full_name}/{method.name}"
    asked = "stream" if method.client_streaming else "unary"
    told = "stream" if method.server_streaming else "unary"
    call = getattr(channel, f"{asked}_{told}")(path)
    given = iter([b""]) if method.client_streaming else b""
    try:
        answer = call(given, metadata=metadata, timeout=30)
        if method.server_streaming:
            list(answer)
    except grpc.RpcError as failure:
        found: grpc.StatusCode = failure.code()  # type: ignore[attr-defined]
        return found
    return grpc.StatusCode.OK


def test_every_route_refuses_who_has_no_key_or_one_that_opens_nothing(asking: Asking) -> None:
    walked = 0
    for method, path, told in operations(asking):
        if (method, path) in OPEN_ROUTES:
            assert told["security"] == []
            assert asking.status(None, method, path) == 200
            continue
        for held in (None, asking.keys["revoked"], asking.keys["expired"], "gw_x"):
            assert asking.status(held, method, path) == 401, (method, path)
        walked += 1
    assert walked > 30


def test_every_route_lets_in_its_own_scope_and_admin_alone(asking: Asking) -> None:
    for method, path, told in operations(asking):
        if (method, path) in OPEN_ROUTES:
            continue
        (needed,) = told["security"][0]["apiKey"]
        for scope in (*SCOPES, "admin"):
            refused = asking.status(asking.keys[scope], method, path) in {401, 403}
            assert refused == (scope not in {needed, "admin"}), (method, path, scope)


def test_every_route_of_a_pipeline_refuses_a_key_for_others(asking: Asking) -> None:
    walked = 0
    for method, path, _ in operations(asking):
        if path.startswith("/v1/pipelines/"):
            other = path.replace("never_was", "say", 1)
            assert asking.status(asking.keys["limited"], method, other) == 403, (method, path)
            assert asking.status(asking.keys["limited"], method, path) != 403, (method, path)
            walked += 1
    assert walked >= 6


def test_the_pages_of_documentation_are_open(asking: Asking) -> None:
    assert [asking.status(None, path=path) for path in OPEN_PAGES] == [200] * len(OPEN_PAGES)


def test_every_rpc_refuses_who_has_no_key_or_one_that_opens_nothing(asking: Asking) -> None:
    with asking.served.channel() as channel:
        walked = list(methods(channel))
        for method in walked:
            for held in (None, asking.keys["revoked"], asking.keys["expired"], "gw_x"):
                assert code(channel, method, held) is grpc.StatusCode.UNAUTHENTICATED, method.full_name
    assert {"WatchRun", "UploadMedia", "GetMedia", "ExecuteSync"} <= {method.name for method in walked}
    assert len(walked) > 20


def test_every_rpc_lets_in_one_scope_and_admin_alone(asking: Asking) -> None:
    with asking.served.channel() as channel:
        for method in methods(channel):
            codes = {scope: code(channel, method, asking.keys[scope]) for scope in (*SCOPES, "admin")}
            refused = {scope for scope, each in codes.items() if each is grpc.StatusCode.PERMISSION_DENIED}
            assert len(refused) == 2, (method.full_name, codes)
            assert "admin" not in refused
            assert grpc.StatusCode.UNAUTHENTICATED not in codes.values()


def test_health_and_reflection_are_open(asking: Asking) -> None:
    with asking.served.channel() as channel:
        assert set(ProtoReflectionDescriptorDatabase(channel).get_services()) > OPEN_SERVICES
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_command_names_its_key_and_is_told_what_to_do_without(asking: Asking) -> None:
    for held, said in ((None, "--api-key"), ("gw_x", "gateway key create"), (asking.keys["run"], "the scope read")):
        given = () if held is None else ("--api-key", held)
        done = asking.command("pipeline", "list", "--url", asking.served.rest, *given)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
    done = asking.command("pipeline", "list", "--url", asking.served.rest, "--api-key", asking.keys["read"])
    assert done.returncode == 0, done.stderr


def test_keys_are_listed_without_what_opens_a_door_and_audited(asking: Asking) -> None:
    listed = asking.command("key", "list", *asking.flags).stdout
    audited = asking.command("audit", "--limit", "1000", *asking.flags).stdout
    for key in asking.keys.values():
        assert key.split("_")[1] in listed
        assert key.split("_")[1] in audited
        assert key[20:] not in listed + audited
    assert '"state":"revoked"' in listed
    assert '"state":"expired"' in listed
    for action in ("key.created", "key.revoked", "pipeline.added"):
        assert action in audited


def test_a_key_there_is_none_of_cannot_be_revoked(asking: Asking) -> None:
    done = asking.command("key", "revoke", "0" * 16, *asking.flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert "gateway key list" in done.stderr


def test_holders_of_tokens_enter_by_both_doors(short_folder: Path, tmp_path: Path, outside: tuple[str, ...]) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    claims = {"iss": "https://issuer.example", "aud": "gateway", "sub": "alice", "exp": int(time.time()) + 600}
    good, none, late = (
        jwt.encode(claims | more, SECRET, algorithm="HS256")
        for more in ({"scope": "openid read"}, {}, {"scope": "read", "exp": 1})
    )
    flags = (
        "--auth",
        "jwt",
        "--jwt-secret-file",
        str(secret),
        "--jwt-issuer",
        claims["iss"],
        "--jwt-audience",
        "gateway",
    )
    with serving(short_folder / "tokens", *map(str, flags), *outside) as served:
        for token, status, refusal in (
            (good, 200, grpc.StatusCode.OK),
            (none, 403, grpc.StatusCode.PERMISSION_DENIED),
            (late, 401, grpc.StatusCode.UNAUTHENTICATED),
            (good[:-4], 401, grpc.StatusCode.UNAUTHENTICATED),
        ):
            headers = {"Authorization": f"Bearer {token}"}
            assert httpx.get(served.rest + "/v1/pipelines", headers=headers, timeout=30).status_code == status
            with served.channel() as channel:
                (method,) = (each for each in methods(channel) if each.name == "ListPipelines")
                assert code(channel, method, token) is refusal


@pytest.mark.parametrize(
    ("flags", "exit_code", "said"),
    [
        (("--host", "0.0.0.0"), 1, "--insecure"),
        (("--host", "0.0.0.0", "--workers", "2"), 1, "--insecure"),
        (("--auth", "basic"), 2, "none, api_key, jwt"),
    ],
)
def test_a_gateway_that_would_serve_everybody_or_nobody_does_not_start(
    tmp_path: Path, flags: tuple[str, ...], exit_code: int, said: str
) -> None:
    ports = ("--rest-port", str(free_port()), "--grpc-port", str(free_port()))
    command = [PROGRAM, "serve", "--data-dir", str(tmp_path / "none"), *ports, *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ), timeout=60)
    assert (done.returncode, said in done.stderr) == (exit_code, True), done.stderr
    assert not (tmp_path / "none").exists()
