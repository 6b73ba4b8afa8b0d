"""A gateway that knows who asks, and one owner's records in it, for tests of what others see of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.domain.access import Caller, Scope
from gateway.domain.files import NewFile
from gateway.domain.pipelines import Output, OutputRole
from gateway.errors import CredentialInvalid
from unit.fakes import Gateway, call, gateway, hook, pipeline, text

PNG: Final = b"\x89PNG\r\n\x1a\n and more"
EVERYDAY: Final = frozenset({Scope.RUN, Scope.READ, Scope.DEPLOY})
ANN: Final = Caller(owner="ann", scopes=EVERYDAY)
BOB: Final = Caller(owner="bob", scopes=EVERYDAY, pipelines=frozenset({"ocr"}))
ROOT: Final = Caller(owner="root", scopes=frozenset({Scope.ADMIN}))
CALLERS: Final = {each.owner: each for each in (ANN, BOB, ROOT)}


class Badges:
    """An `Authenticator` for which the credential is the name of the owner."""

    asks = True

    async def caller(self, credential: str | None) -> Caller:
        if credential not in CALLERS:
            raise CredentialInvalid
        return CALLERS[credential]


@dataclass(frozen=True)
class Owned:
    """What Ann has in a gateway: one of each."""

    built: Gateway
    execution_id: str
    media_id: str
    run_id: str
    hook_id: str
    delivery_id: str
    file_id: str
    artifact_id: str

    def __getitem__(self, name: str) -> str:
        found: str = getattr(self, name)
        return found


async def owned() -> Owned:
    """A gateway in which Ann has one of each; whoever follows a run is let go at once."""
    built = await gateway(access=Badges())
    await built.hooks.create(ANN, hook(hook_id="her-hook"))
    await built.executions.create(ANN, "hers", None, None, hook_ids=["her-hook"])
    media = await built.executions.upload(ANN, "hers", PNG, None)
    accepted = await built.runs.execute_async(ANN, call(execution_id="hers"))
    (delivery,) = built.records.deliveries
    stored = await built.files.create(ANN, _coming(PNG), NewFile)
    artifact_id = await _drawn(built, "hers", accepted.run_id)
    built.runs.let_go()
    return Owned(built, "hers", media.media_id, accepted.run_id, "her-hook", delivery, stored.file_id, artifact_id)


async def _coming(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _drawn(built: Gateway, execution_id: str, run_id: str) -> str:
    """What a run of an execution has made."""
    drawing = msgspec.structs.replace(pipeline(), outputs=(Output("DRAWN", "BYTES", (1,), OutputRole.ARTIFACT),))
    (made,) = await built.artifacts.stored(drawing, run_id, [text("DRAWN", PNG)], b"{}")
    built.records.artifacts.append((execution_id, made))
    return made.artifact_id
