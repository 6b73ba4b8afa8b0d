"""Command-line flags for the settings: one per field, with the field's own sentence as its help."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from gateway import settings
from gateway.errors import CannotStart

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(command: F) -> F:
    """Give `command` a flag for every setting, and `--config`."""
    for field in reversed(msgspec.structs.fields(settings.Settings)):
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
