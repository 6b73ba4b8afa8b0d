import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from gateway.core import known_keys
from gateway.core.api_keys import ApiKeys
from gateway.core.key_access import KeyAccess
from gateway.domain.access import Scope
from gateway.domain.api_keys import NewKey, key_id_of, new_key
from gateway.domain.audit import Action
from gateway.errors import CredentialInvalid, CredentialMissing, InvalidInput, StorageUnavailable
from gateway.limits import KEY_FRESHNESS
from unit.fakes import START, FakeApiKeys

WANTED = NewKey(name="scanner", scopes=frozenset((Scope.RUN, Scope.READ)), rate="600/minute", concurrency=8)


class Entered:
    """Keys over a fake store, at a time that the test sets."""

    def __init__(self) -> None:
        self.store = FakeApiKeys()
        self.keys = ApiKeys(self.store, lambda: START)
        self.now, self.moment = 0.0, START
        self.access = KeyAccess(self.store, self._moment, lambda: self.now)

    def _moment(self) -> datetime:
        return self.moment

    async def made(self, **fields: object) -> str:
        return await self.keys.create(msgspec.structs.replace(WANTED, **fields), "root")


@pytest.fixture
def entered() -> Entered:
    return Entered()


async def test_who_holds_a_key_is_known_by_it(entered: Entered) -> None:
    key = await entered.made(pipelines=frozenset(("ocr",)))
    caller = await entered.access.caller(key)
    assert (caller.owner, caller.name, caller.key_id) == ("scanner", "scanner", key_id_of(key))
    assert caller.scopes == {Scope.RUN, Scope.READ}
    assert (caller.pipelines, caller.rate, caller.concurrency) == ({"ocr"}, "600/minute", 8)


async def test_without_a_key_nobody_enters(entered: Entered) -> None:
    with pytest.raises(CredentialMissing):
        await entered.access.caller(None)


@pytest.mark.parametrize("held", ["", "x", new_key(), "é" * 60])
async def test_what_is_no_key_of_ours_is_invalid(entered: Entered, held: str) -> None:
    await entered.made()
    with pytest.raises(CredentialInvalid):
        await entered.access.caller(held)


async def test_the_id_of_a_key_without_its_secret_opens_nothing(entered: Entered) -> None:
    key = await entered.made()
    with pytest.raises(CredentialInvalid):
        await entered.access.caller(f"gw_{key_id_of(key)}_{'A' * 43}")


async def test_a_key_is_looked_up_once_in_its_freshness(entered: Entered) -> None:
    key = await entered.made()
    for entered.now in (0.0, KEY_FRESHNESS / 2, KEY_FRESHNESS):
        await entered.access.caller(key)
    assert len(entered.store.looks) == 1
    entered.now = KEY_FRESHNESS * 1.01
    await entered.access.caller(key)
    assert len(entered.store.looks) == 2


async def test_a_revoked_key_opens_nothing_once_its_freshness_is_over(entered: Entered) -> None:
    key = await entered.made()
    await entered.access.caller(key)
    assert await entered.keys.revoke(key_id_of(key) or "", "root")
    entered.now = KEY_FRESHNESS * 1.01
    with pytest.raises(CredentialInvalid):
        await entered.access.caller(key)


async def test_a_key_expires_while_it_is_remembered(entered: Entered) -> None:
    key = await entered.made(expires_at=START + timedelta(seconds=1))
    await entered.access.caller(key)
    entered.moment = START + timedelta(seconds=1)
    with pytest.raises(CredentialInvalid):
        await entered.access.caller(key)
    assert len(entered.store.looks) == 1


async def test_many_who_come_with_one_key_share_a_statement(entered: Entered) -> None:
    key = await entered.made()
    entered.store.gate.clear()
    coming = [asyncio.create_task(entered.access.caller(key)) for _ in range(50)]
    await entered.store.looked.rang()
    coming += [asyncio.create_task(entered.access.caller(key)) for _ in range(50)]
    entered.store.gate.set()
    assert {caller.owner for caller in await asyncio.gather(*coming)} == {"scanner"}
    assert len(entered.store.looks) == 1


async def test_who_joins_a_statement_that_began_long_ago_gets_what_the_next_one_says(entered: Entered) -> None:
    key = await entered.made()
    entered.store.gate.clear()
    first = asyncio.create_task(entered.access.caller(key))
    await entered.store.looked.rang()
    kept = entered.store.kept
    kept |= {name: msgspec.structs.replace(each, revoked_at=START) for name, each in kept.items()}
    entered.now = KEY_FRESHNESS * 2
    late = asyncio.create_task(entered.access.caller(key))
    await asyncio.sleep(0)
    entered.store.gate.set()
    await first
    with pytest.raises(CredentialInvalid):
        await late


async def test_unknown_keys_wait_for_one_statement_at_a_time(entered: Entered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_keys, "KEYS_PER_LOOK", 100)
    entered.store.gate.clear()
    coming = [asyncio.create_task(entered.access.caller(new_key())) for _ in range(250)]
    await entered.store.looked.rang()
    entered.store.gate.set()
    answers = await asyncio.gather(*coming, return_exceptions=True)
    assert {type(each) for each in answers} == {CredentialInvalid}
    assert [len(look) for look in entered.store.looks] == [100, 100, 50]


async def test_an_unknown_key_is_not_looked_up_again_and_again(entered: Entered) -> None:
    key = new_key()
    for _ in range(10):
        with pytest.raises(CredentialInvalid):
            await entered.access.caller(key)
    assert len(entered.store.looks) == 1


async def test_unknown_keys_push_out_no_known_one_and_take_bounded_room(
    entered: Entered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_keys, "MAX_KNOWN_KEYS", 10)
    key = await entered.made()
    await entered.access.caller(key)
    await asyncio.gather(*(entered.access.caller(new_key()) for _ in range(100)), return_exceptions=True)
    looks = len(entered.store.looks)
    await entered.access.caller(key)
    assert len(entered.store.looks) == looks
    remembered = entered.access._known
    assert (len(remembered._keys), len(remembered._nobodys), len(remembered._awaited)) == (1, 10, 0)


@pytest.mark.parametrize("failure", [StorageUnavailable(), RuntimeError("unforeseen")])
async def test_where_nobody_can_say_a_key_is_not_called_invalid(entered: Entered, failure: Exception) -> None:
    key = await entered.made()
    entered.store.failure = failure
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await entered.access.caller(key)
    entered.store.failure = None
    assert (await entered.access.caller(key)).owner == "scanner"


async def test_whoever_leaves_while_a_key_is_looked_up_harms_no_other(entered: Entered) -> None:
    key = await entered.made()
    entered.store.gate.clear()
    leaving, staying = (asyncio.create_task(entered.access.caller(key)) for _ in range(2))
    await entered.store.looked.rang()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    entered.store.gate.set()
    assert (await staying).owner == "scanner"


async def test_keys_are_audited_without_their_secrets(entered: Entered) -> None:
    key = await entered.made(expires_at=START + timedelta(days=90))
    key_id = key_id_of(key) or ""
    assert await entered.keys.revoke(key_id, "alice")
    assert await entered.keys.revoke(key_id, "bob")
    assert [(each.actor, each.action, each.subject) for each in entered.store.events] == [
        ("root", Action.KEY_CREATED, key_id),
        ("alice", Action.KEY_REVOKED, key_id),
    ]
    assert entered.store.events[0].details == {
        "name": "scanner",
        "owner": "scanner",
        "scopes": ["read", "run"],
        "rate": "600/minute",
        "concurrency": 8,
        "expiresAt": "2027-02-19T07:15:00.123Z",
    }


async def test_a_key_that_there_is_none_of_is_not_revoked(entered: Entered) -> None:
    assert not await entered.keys.revoke("0" * 16, "root")
    assert entered.store.events == []


async def test_what_no_key_can_be_is_not_made(entered: Entered) -> None:
    with pytest.raises(InvalidInput):
        await entered.made(name="")
    assert (entered.store.kept, entered.store.events) == ({}, [])
