"""The example of a receiver, as its reader runs it, met by the gateway's own courier."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from gateway.adapters.outgoing.targets import Targets
from gateway.adapters.webhooks.courier import WebhookCourier
from gateway.core.multipart import Document, form
from gateway.domain.deliveries import Letter
from gateway.domain.ids import new_id, now
from gateway.domain.signing import new_secret
from places import ROOT
from unit.fakes import EXECUTION_ID, RUN_ID, event

EXAMPLE = ROOT / "examples" / "webhook_receiver.py"
OLD, NEW, OTHER = new_secret(), new_secret(), new_secret()
PIPE = asyncio.subprocess.PIPE


class Example:
    """The running example."""

    def __init__(self, child: asyncio.subprocess.Process, url: str, courier: WebhookCourier):
        self._child = child
        self._url = url
        self._courier = courier

    async def sent(
        self,
        webhook_id: str,
        *secrets: str,
        body: bytes = b'{"a":"\xc3\xa9"}',
        content_type: str = "application/json",
        at: datetime | None = None,
    ) -> int | None:
        """The status that it answers a letter with."""
        letter = Letter(
            url=self._url,
            webhook_id=webhook_id,
            at=at or now(),
            body=body,
            content_type=content_type,
            headers=event().headers(),
            secrets=secrets,
        )
        return (await self._courier.send(letter)).status

    async def told(self) -> dict[str, object]:
        """Its next line."""
        assert self._child.stdout is not None
        line: dict[str, object] = json.loads(await self._child.stdout.readline())
        return line


@asynccontextmanager
async def running() -> AsyncIterator[Example]:
    arguments = (sys.executable, EXAMPLE, "--port", "0", "--secret", OLD, "--secret", NEW)
    child = await asyncio.create_subprocess_exec(*arguments, stdout=PIPE, stderr=PIPE)
    assert child.stderr is not None
    courier = WebhookCourier(Targets(allow_private=True))
    try:
        yield Example(child, (await child.stderr.readline()).decode().split()[-1], courier)
    finally:
        await courier.close()
        child.send_signal(signal.SIGINT)
        assert await child.wait() == 130


async def test_an_event_is_taken_once_under_either_secret() -> None:
    first, second = new_id(), new_id()
    async with running() as example:
        assert await example.sent(first, OLD) == 204
        assert await example.sent(first, OLD, NEW) == 204
        assert await example.sent(second, OTHER, NEW) == 204
        assert await example.told() == {
            "webhook-id": first,
            "x-event-type": "STATUS_CHANGE",
            "x-execution-id": EXECUTION_ID,
            "x-run-id": RUN_ID,
            "status": "COMPLETED",
            "bytes": 10,
        }
        assert (await example.told())["webhook-id"] == second


async def test_a_form_with_documents_is_taken() -> None:
    picture = Document(media_id="m", content_type="image/png", data=b"\x89PNG\xff\0")
    made = form("payload", b"{}", "documents", [picture])
    async with running() as example:
        assert await example.sent("form", NEW, body=made.body, content_type=made.content_type) == 204
        assert await example.sent("form-2", OTHER, body=made.body, content_type=made.content_type) == 401
        early = now() - timedelta(minutes=6)
        assert await example.sent("form-3", NEW, body=made.body, content_type=made.content_type, at=early) == 401
        assert (await example.told())["webhook-id"] == "form"


@pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_what_is_not_genuine_is_not_taken(late: timedelta) -> None:
    async with running() as example:
        assert await example.sent("unsigned") == 401
        assert await example.sent("foreign", OTHER) == 401
        assert await example.sent("late", NEW, at=now() - late) == 401
        assert await example.sent("good", NEW) == 204
        assert (await example.told())["webhook-id"] == "good"


def test_its_help_shows_how_it_is_used() -> None:
    said = subprocess.run([sys.executable, EXAMPLE, "--help"], check=True, capture_output=True, text=True).stdout
    assert "python examples/webhook_receiver.py --secret whsec_" in said
