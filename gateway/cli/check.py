"""`gateway check`: the settings and where each comes from, and what is missing on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from gateway import bootstrap
from gateway.cli.hidden import HIDDEN, without_secrets
from gateway.cli.options import resolved, settings_options
from gateway.cli.output import Output, output_options
from gateway.settings import Resolved, Settings, is_secret

Findings = Sequence[tuple[str, str | None]]

_SECRETS: Final = frozenset(field.name for field in msgspec.structs.fields(Settings) if is_secret(field))


@click.command(
    epilog="""\b
Examples:
  gateway check
  gateway check --config gateway.toml --json
  GATEWAY_DATA_DIR=/srv/gateway gateway check
"""
)
@settings_options
@output_options
@click.pass_context
def check(ctx: click.Context, /, output: Output, config: Path | None, **flags: object) -> None:
    """Show the settings that `serve` would have, where each comes from, and what hinders its start.

    Passwords in URLs are hidden. Exit code 1 if a check fails.
    """
    found = resolved(config, flags)
    checks = bootstrap.preflight(found.settings)
    if output.readable:
        _tables(output, found, checks)
    else:
        output.line({"settings": _settings(found), "checks": [_check(name, said) for name, said in checks]})
    if any(problem is not None for _, problem in checks):
        ctx.exit(1)


def _settings(found: Resolved) -> list[dict[str, object]]:
    values = msgspec.structs.asdict(found.settings)
    return [
        {"name": name, "value": _shown(name, value), "source": found.source(name).value}
        for name, value in values.items()
    ]


def _shown(name: str, value: object) -> object:
    if name in _SECRETS and value is not None:
        return HIDDEN
    if isinstance(value, Path):
        return str(value)
    return without_secrets(value) if isinstance(value, str) else value


def _check(name: str, problem: str | None) -> dict[str, object]:
    return {"name": name, "ok": problem is None} | ({} if problem is None else {"problem": problem})


def _tables(output: Output, found: Resolved, checks: Findings) -> None:
    rows = _settings(found)
    output.table(("setting", "value", "from"), [(row["name"], row["value"], row["source"]) for row in rows])
    output.table(("check", "what to do"), [(name, problem or "ok") for name, problem in checks])
