"""`gateway serve`: the whole gateway in the foreground, until Ctrl-C or SIGTERM."""

from pathlib import Path

import click

from gateway import bootstrap, parent, telemetry
from gateway.cli.foreground import report, until_stopped
from gateway.cli.options import resolve, settings_options


@click.command(
    epilog="""\b
Examples:
  gateway serve
  gateway serve --rest-port 8000 --model-repository ./models
  gateway serve --workers 4
  gateway serve --triton-url grpc://gpu-host:8001 --triton-http-url http://gpu-host:8000
"""
)
@settings_options
def serve(config: Path | None, **flags: object) -> None:
    """Serve REST and gRPC; start what no --…-url says is outside.

    Every setting can also stand in the environment (--rest-port is GATEWAY_REST_PORT) or in a TOML file
    named by --config.
    """
    settings = resolve(config, flags)
    telemetry.configure(settings.log_level)
    if settings.workers > 1:
        until_stopped(lambda hurry: parent.serve(settings, report, hurry))
    else:
        until_stopped(lambda hurry: bootstrap.serve(settings, report, hurry))
