"""The flags of the commands that talk to a gateway: where it is, and who asks."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from gateway.sdk.client import DEFAULT_URL, Client

F = TypeVar("F", bound=Callable[..., Any])


def client_options(command: F) -> F:
    """Give `command` the flags `--url` and `--api-key`, and with them its `client`."""

    @click.option(
        "--url", envvar="GATEWAY_URL", default=DEFAULT_URL, show_default=True, help="The gateway (GATEWAY_URL)."
    )
    @click.option("--api-key", envvar="GATEWAY_API_KEY", help="Who asks (GATEWAY_API_KEY).")
    @functools.wraps(command)
    def wrapped(*arguments: Any, url: str, api_key: str | None, **options: Any) -> Any:
        with _client(url, api_key) as client:
            return command(*arguments, client=client, **options)

    return wrapped  # type: ignore[return-value]


def _client(url: str, api_key: str | None) -> Client:
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise click.UsageError("The --api-key holds characters that no key has: check for a line break in it.")
    try:
        return Client(url, api_key or None)
    except ValueError:
        raise click.UsageError("--url is not of the form http://host:port.") from None
