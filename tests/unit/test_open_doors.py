import socket
from pathlib import Path

import pytest

from gateway.bootstrap.access import access_problem, authenticator, check_access
from gateway.bootstrap.loopback import is_loopback
from gateway.core.key_access import KeyAccess
from gateway.core.open_access import OpenAccess
from gateway.errors import CannotStart
from gateway.limits import LEAST_TOKEN_SECRET
from gateway.settings import Settings

TOKENS = {"auth": "jwt", "jwt_issuer": "https://issuer.example", "jwt_audience": "gateway"}
SECRET = "x" * LEAST_TOKEN_SECRET


def settings(**fields: object) -> Settings:
    return Settings(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "127.1", "::1", "localhost", "::ffff:127.0.0.1"])
def test_an_address_of_this_machine_alone_may_be_open_to_all(host: str) -> None:
    check_access(settings(host=host))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "0", "", "::", "10.1.2.3", "192.168.1.1", "::ffff:10.0.0.1", "no such.name"]
)
def test_an_address_that_others_reach_is_not_open_by_mistake(host: str) -> None:
    with pytest.raises(CannotStart, match="--insecure"):
        check_access(settings(host=host))
    for fields in ({"insecure": True}, {"auth": "api_key"}):
        check_access(settings(host=host, **fields))


def test_a_name_is_what_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*addresses: str) -> None:
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)

    found("127.0.0.1", "127.0.0.2")
    assert is_loopback("here")
    found("127.0.0.1", "10.0.0.1")
    assert not is_loopback("here-and-there")


def test_the_check_before_the_start_says_so_too() -> None:
    assert access_problem(settings()) is None
    assert "0.0.0.0" in (access_problem(settings(host="0.0.0.0")) or "")


def test_each_mode_asks_in_its_own_way() -> None:
    database = object()
    kinds = {"none": OpenAccess, "api_key": KeyAccess}
    for mode, kind in kinds.items():
        assert isinstance(authenticator(settings(auth=mode), database), kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"jwt_issuer": None}, "--jwt-issuer"),
        ({"jwt_audience": None}, "--jwt-audience"),
        ({}, "--jwt-jwks-url"),
        ({"jwt_secret": SECRET, "jwt_jwks_url": "https://issuer.example/keys"}, "in one way"),
        ({"jwt_secret": SECRET, "jwt_secret_file": Path("x")}, "in one way"),
        ({"jwt_secret": SECRET[1:]}, "has 31 bytes and needs 32"),
        ({"jwt_secret_file": Path("absent")}, "cannot be read: No such file"),
        ({"jwt_jwks_url": "issuer.example/keys"}, "not of the form"),
        ({"jwt_jwks_url": "file:///etc/passwd"}, "not of the form"),
        ({"jwt_jwks_url": "http://10.0.0.1/keys"}, "use https"),
    ],
)
def test_a_gateway_whose_tokens_nobody_could_check_does_not_start(fields: dict[str, object], said: str) -> None:
    with pytest.raises(CannotStart, match=said) as refusal:
        check_access(settings(**(TOKENS | fields)))
    assert SECRET[1:] not in str(refusal.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"jwt_secret": SECRET},
        {"jwt_jwks_url": "https://issuer.example/keys"},
        {"jwt_jwks_url": "http://127.0.0.1:8000/keys"},
        {"jwt_jwks_url": "http://10.0.0.1/keys", "insecure": True},
    ],
)
def test_tokens_are_checked_in_one_way(fields: dict[str, object]) -> None:
    check_access(settings(**(TOKENS | fields)))


def test_the_file_of_a_secret_may_end_in_a_line_break(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    check_access(settings(**TOKENS, jwt_secret_file=path))
    path.write_text(SECRET[1:] + "\n")
    with pytest.raises(CannotStart, match="31 bytes"):
        check_access(settings(**TOKENS, jwt_secret_file=path))
