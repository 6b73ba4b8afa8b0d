"""The command `gateway`; what a subcommand needs is imported when it is called."""

import importlib
from typing import Final

import click

from gateway import __version__
from gateway.errors import CannotStart
from gateway.sdk.errors import ClientError

_COMMANDS: Final = (
    "serve",
    "worker",
    "migrate",
    "check",
    "key",
    "audit",
    "pipeline",
    "execution",
    "observation",
    "run",
    "hook",
    "file",
)
#: The exit code of a command that Ctrl-C ended.
INTERRUPTED: Final = 130


class Commands(click.Group):
    """The subcommands, each in the module of its name; every refusal ends in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's own signature
        """Their names, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"gateway.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was called."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(INTERRUPTED)
        except (ClientError, CannotStart) as refusal:
            raise click.ClickException(str(refusal)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """Run NVIDIA Triton ensembles on media, over gRPC and REST, and keep what they find."""
