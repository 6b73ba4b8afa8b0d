import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import bootstrap
from gateway.cli.hidden import without_secrets
from gateway.cli.main import main
from gateway.settings import Settings, Source, resolve

FINE = [("data directory", None), ("ports", None)]
BROKEN = [("data directory", None), ("ports", "The gateway cannot listen there: choose another port.")]


def check(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], env=environment)


@pytest.fixture
def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "preflight", lambda _: FINE)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "preflight", lambda _: BROKEN)


def test_each_setting_knows_where_it_comes_from(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('host = "::1"\nrest_port = 1\n')
    found = resolve({"grpc_port": 2}, {"GATEWAY_REST_PORT": "3", "GATEWAY_GRPC_PORT": "3"}, config)
    assert found.settings == Settings(host="::1", rest_port=3, grpc_port=2)
    sources = [found.source(name) for name in ("host", "rest_port", "grpc_port", "data_dir")]
    assert sources == [Source.FILE, Source.ENVIRONMENT, Source.FLAG, Source.DEFAULT]


@pytest.mark.usefixtures("fine")
def test_on_a_pipe_it_is_one_document_with_every_setting() -> None:
    result = check("--rest-port", "1", GATEWAY_DATA_DIR="/srv/gateway")
    found = json.loads(result.stdout)
    rows = {row["name"]: (row["value"], row["source"]) for row in found["settings"]}
    assert list(rows) == list(Settings.__struct_fields__)
    assert (rows["rest_port"], rows["data_dir"]) == ((1, "flag"), ("/srv/gateway", "environment"))
    assert found["checks"] == [{"name": "data directory", "ok": True}, {"name": "ports", "ok": True}]
    assert result.exit_code == 0


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_check_that_fails_says_what_to_do_and_the_exit_code_is_1(form: str) -> None:
    result = check("-o", form)
    assert result.exit_code == 1
    assert "choose another port." in result.stdout


@pytest.mark.usefixtures("fine")
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_password_is_shown(form: str) -> None:
    result = check("-o", form, "--database-url", "postgresql://me:s3cret@/db", GATEWAY_BLOB_URL="s3://b?aws_key=s3cret")
    assert "***" in result.stdout
    assert "s3cret" not in result.stdout


@pytest.mark.usefixtures("fine")
def test_a_wrong_setting_is_a_mistake_of_usage() -> None:
    assert check("--rest-port", "x").exit_code == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("grpc://host:8001", "grpc://host:8001"),
        ("postgresql://user@host/name", "postgresql://user@host/name"),
        ("postgresql://user:pa:s@s@host:1/name", "postgresql://user:***@host:1/name"),
        ("postgresql://u:p@/name?host=/run&password=p&sslmode=on", "postgresql://u:***@/name?host=/run&password=***&sslmode=on"),
        ("s3://bucket/prefix?aws_secret_access_key=k&region=eu", "s3://bucket/prefix?aws_secret_access_key=***&region=eu"),
        ("postgresql://[broken", "***"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_what_opens_a_door(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@pytest.mark.usefixtures("fine")
@pytest.mark.parametrize("form", ["json", "text"])
def test_the_mode_of_entering_is_shown_and_its_secret_is_not(form: str) -> None:
    result = check("-o", form, GATEWAY_AUTH="jwt", GATEWAY_JWT_SECRET="known to the issuer")
    assert "known to the issuer" not in result.stdout
    assert "jwt" in result.stdout
