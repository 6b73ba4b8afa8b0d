import re
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.cli.options import resolve, settings_options
from gateway.settings import Settings, is_secret

SHOWN = [field for field in msgspec.structs.fields(Settings) if not is_secret(field)]


@click.command()
@settings_options
def show(config: Path | None, **flags: object) -> None:
    """Print the settings."""
    found = resolve(config, flags)
    click.echo(msgspec.json.encode(msgspec.structs.asdict(found), enc_hook=str).decode())


def shown(*arguments: str, **environment: str) -> dict[str, object]:
    result = CliRunner().invoke(show, arguments, env=environment)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = msgspec.json.decode(result.stdout)
    return found


def served_help() -> str:
    result = CliRunner().invoke(main, ["serve", "--help"], terminal_width=400)
    assert result.exit_code == 0
    return result.stdout


def test_a_secret_has_no_flag_and_is_taken_from_the_environment() -> None:
    assert "--jwt-secret " not in served_help()
    assert shown(GATEWAY_JWT_SECRET="known")["jwt_secret"] == "known"


@pytest.mark.parametrize("field", SHOWN, ids=lambda each: each.name)
def test_every_setting_has_a_flag_with_a_sentence_and_its_default(field: msgspec.structs.FieldInfo) -> None:
    flag = "--" + field.name.replace("_", "-")
    lines = served_help().splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{flag} "))
    # A flag that is too long for its column has its sentence below.
    line = " ".join(lines[first : first + 2])
    assert re.search(r"[A-Z]\w*\s*\S.*\.", line)
    assert (f"[default: {field.default}]" in line) == (field.default is not None)


def test_nothing_given_is_the_defaults() -> None:
    assert (
        Settings(**{**shown(), "data_dir": Path(".gateway"), "model_repository": Path("model_repository")})
        == Settings()
    )


def test_flags_beat_the_environment_that_beats_the_file(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('rest_port = 1\ngrpc_port = 1\nhost = "file"\n')
    environment = {"GATEWAY_CONFIG": str(config), "GATEWAY_REST_PORT": "2", "GATEWAY_GRPC_PORT": "2"}
    found = shown("--rest-port", "3", **environment)
    assert (found["rest_port"], found["grpc_port"], found["host"]) == (3, 2, "file")


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--rest-port", "x"], {}, "rest_port (the command line)"),
        ([], {"GATEWAY_REST_PORT": "x"}, "rest_port (the environment)"),
        ([], {"GATEWAY_WRONG": "x"}, "no setting 'wrong'"),
        (["--config", "absent.toml"], {}, "absent.toml cannot be read"),
        (["--wrong"], {}, "No such option"),
    ],
)
def test_a_wrong_setting_is_a_mistake_of_usage(arguments: list[str], environment: dict[str, str], said: str) -> None:
    result = CliRunner().invoke(show, arguments, env=environment)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_command_knows_its_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("gateway, version ")
