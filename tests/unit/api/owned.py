"""A gateway that knows who asks, and one owner's records in it, for tests of what others see of them."""

from dataclasses import dataclass
from typing import Final

from gateway.domain.access import Caller, Scope
from gateway.errors import CredentialInvalid
from unit.fakes import Gateway, call, gateway, hook

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
    built.runs.let_go()
    return Owned(built, "hers", media.media_id, accepted.run_id, "her-hook", delivery)
