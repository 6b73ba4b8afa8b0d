"""Command-line flags for the settings: one per field, with the field's own sentence as its help."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from gateway import settings
from gateway.errors import CannotStart

F = TypeVar("F", bound=Callable[..., Any])

#: The settings that say where the records are.
_RECORDS: Final = ("data_dir", "database_url")


def settings_options(command: F) -> F:
    """Give `command` a flag for every setting that is no secret, and `--config`."""
    return _options(command, msgspec.structs.fields(settings.Settings))


def records_options(command: F) -> F:
    """Give `command` the flags that say where the database is, and `--config`."""
    return _options(command, [each for each in msgspec.structs.fields(settings.Settings) if each.name in _RECORDS])


def _options(command: F, fields: Sequence[msgspec.structs.FieldInfo]) -> F:
    for field in reversed(fields):
        if not settings.is_secret(field):
            command = _option(field)(command)
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option("--config", type=path, envvar="GATEWAY_CONFIG", help="TOML file of settings.")(command)


def resolve(config: Path | None, flags: Mapping[str, object]) -> settings.Settings:
    """The settings from flags, environment, file and defaults.

    Raises:
        click.UsageError: one of them is wrong.
    """
    return resolved(config, flags).settings


def resolved(config: Path | None, flags: Mapping[str, object]) -> settings.Resolved:
    """The same, with the source of each.

    Raises:
        click.UsageError: one of them is wrong.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return settings.resolve(given, os.environ, config)
    except CannotStart as refusal:
        raise click.UsageError(str(refusal)) from None


def _option(field: msgspec.structs.FieldInfo) -> Callable[[F], F]:
    shown = "" if field.default is None else f"  [default: {field.default}]"
    flag = _flag(field.name)
    if isinstance(field.default, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", field.name, default=None, help=_help(field) + shown)
    return click.option(flag, field.name, metavar=_metavar(field), help=_help(field) + shown)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _help(field: msgspec.structs.FieldInfo) -> str:
    metas = getattr(field.type, "__metadata__", ())
    return next((meta.description for meta in metas if getattr(meta, "description", None)), "")


def _metavar(field: msgspec.structs.FieldInfo) -> str:
    suffix = field.name.rsplit("_", 1)[-1]
    return {"url": "URL", "dir": "DIR", "repository": "DIR", "port": "PORT", "host": "ADDRESS"}.get(suffix, "VALUE")
