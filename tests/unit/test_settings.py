from pathlib import Path

import pytest

from gateway.errors import CannotStart
from gateway.settings import FOREIGN, Settings, load


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def test_without_any_source_the_defaults_hold() -> None:
    assert load({}, {}, None) == Settings()


def test_a_flag_beats_the_environment_that_beats_the_file_that_beats_the_default(tmp_path: Path) -> None:
    config = settings_file(tmp_path, 'rest_port = 1\ngrpc_port = 1\nhost = "file"\n')
    environment = {"GATEWAY_REST_PORT": "2", "GATEWAY_GRPC_PORT": "2"}
    found = load({"rest_port": "3"}, environment, config)
    assert (found.rest_port, found.grpc_port, found.host, found.log_level) == (3, 2, "file", "info")


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_can_stand_in_the_environment(name: str) -> None:
    is_switch = isinstance(getattr(Settings(), name), bool)
    words = {"log_level": "debug", "host": "::1", "auth": "jwt", "key_rate": "9/minute"}
    text = "0" if is_switch else words.get(name, "77")
    found = getattr(load({}, {f"GATEWAY_{name.upper()}": text}, None), name)
    assert found is False if isinstance(found, bool) else str(found) == str(type(found)(text))


def test_texts_become_numbers_and_paths() -> None:
    flags = {"max_inferences": "8", "sync_timeout": "2.5", "data_dir": "/srv/gateway", "model_repository": "models"}
    found = load(flags, {}, None)
    assert (found.max_inferences, found.sync_timeout) == (8, 2.5)
    assert (found.data_dir, found.model_repository) == (Path("/srv/gateway"), Path("models"))


def test_variables_of_other_programs_and_of_other_parts_are_left_alone() -> None:
    environment = dict.fromkeys(FOREIGN, "x") | {"PATH": "/bin", "NOT_GATEWAY_HOST": "x", "gateway_host": "x"}
    assert load({}, environment, None) == Settings()


@pytest.mark.parametrize(
    ("flags", "environment", "text", "source"),
    [
        ({"wrong": "1"}, {}, "", "the command line"),
        ({}, {"GATEWAY_WRONG": "1"}, "", "the environment"),
        ({}, {}, "wrong = 1", "the file"),
        ({}, {}, "[wrong]\nhost = 1", "the file"),
    ],
)
def test_an_unknown_setting_is_named_with_its_source(
    tmp_path: Path, flags: dict[str, object], environment: dict[str, str], text: str, source: str
) -> None:
    with pytest.raises(CannotStart, match=f"no setting 'wrong' \\({source}"):
        load(flags, environment, settings_file(tmp_path, text))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rest_port", "70000"),
        ("rest_port", "-1"),
        ("rest_port", "http"),
        ("sync_timeout", "601"),
        ("max_sync_calls", "0"),
        ("max_inferences", "1.5"),
        ("sync_timeout", "0"),
        ("sync_timeout", "nan"),
        ("sync_timeout", "soon"),
        ("log_level", "loud"),
        ("auth", "apikey"),
    ],
)
@pytest.mark.parametrize("source", ["the environment", "the command line", "the file"])
def test_a_value_that_does_not_fit_is_named_with_its_source(tmp_path: Path, key: str, value: str, source: str) -> None:
    flags = {key: value} if source == "the command line" else {}
    environment = {f"GATEWAY_{key.upper()}": value} if source == "the environment" else {}
    config = settings_file(tmp_path, f'{key} = "{value}"') if source == "the file" else None
    with pytest.raises(CannotStart, match=rf"The setting {key} \({source}.*\) is not valid: .*\.$"):
        load(flags, environment, config)


@pytest.mark.parametrize("text", ["data_dir = 5", "host = 5", "rest_port = true", "host = []"])
def test_a_value_of_another_type_in_the_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CannotStart, match="is not valid"):
        load({}, {}, settings_file(tmp_path, text))


def test_a_bad_value_that_a_better_source_replaces_does_no_harm() -> None:
    assert load({"rest_port": 1}, {"GATEWAY_REST_PORT": "bad"}, None).rest_port == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"absent\.toml cannot be read: No such file"):
        load({}, {}, tmp_path / "absent.toml")


@pytest.mark.parametrize("raw", [b"host = ", b"\xff\xfe", b"{}"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(raw)
    with pytest.raises(CannotStart, match=r"gateway\.toml is not TOML"):
        load({}, {}, path)


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().host = "elsewhere"  # type: ignore[misc]


def test_an_unknown_mode_of_entering_is_answered_with_those_there_are() -> None:
    with pytest.raises(CannotStart, match="choose one of none, api_key, jwt"):
        load({"auth": "basic"}, {}, None)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert load({}, {"GATEWAY_TRITON_URL": "", "GATEWAY_REST_PORT": ""}, None) == Settings()
