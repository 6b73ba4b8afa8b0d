"""The command `gateway`."""

import click

from gateway import __version__
from gateway.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """Run NVIDIA Triton ensembles on media, over gRPC and REST, and keep what they find."""


main.add_command(serve)
