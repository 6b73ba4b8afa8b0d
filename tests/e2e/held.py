"""Runs that tests hold and let go, and calls that make them."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from e2e.served import until


class Held:
    """A run of the ensemble `hold`, which works until it is let go."""

    def __init__(self, folder: Path, name: str = "held"):
        folder.chmod(0o777)
        self._path = folder / name
        self.media = encoded(str(self._path))

    def begun(self) -> None:
        """Wait until a model works on it."""
        until(self._path.with_suffix(".begun").exists, 60)

    def times(self) -> int:
        """How often a model has begun."""
        return len(self._path.with_suffix(".begun").read_text())

    def let_go(self) -> None:
        """Let the work end."""
        self._path.with_suffix(".go").touch()


def encoded(text: str) -> str:
    """Media that say this."""
    return base64.b64encode(text.encode()).decode()


def call(
    client: httpx.Client, pipeline: str, media: str, how: str = "executeAsync", key: str | None = None, **fields: object
) -> httpx.Response:
    """The answer of an execute call."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/v1/pipelines/{pipeline}/{how}", json={"media": [media], **fields}, headers=headers)


def accepted(client: httpx.Client, pipeline: str, media: str, **fields: object) -> dict[str, str]:
    """The IDs of a run in the background."""
    reply = call(client, pipeline, media, **fields)  # type: ignore[arg-type]
    assert reply.status_code == 202, reply.text
    names: dict[str, str] = reply.json()
    return names


def waiting_long(client: httpx.Client) -> str:
    """The ID of a run that does not begin for many days."""
    later = (datetime.now(UTC) + timedelta(days=20)).isoformat()
    return accepted(client, "say", encoded("later"), executeAfter=later)["runId"]


def texts(client: httpx.Client, execution_id: str) -> list[str]:
    """What all runs of an execution have found."""
    reply = client.get(f"/v1/executions/{execution_id}/observation")
    assert reply.status_code == 200, reply.text
    return [entry["rawText"] for entry in reply.json()["mediaContents"]]


def refused(reply: httpx.Response, status: int, code: str) -> None:
    """Check a refusal."""
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
