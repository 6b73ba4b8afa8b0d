import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from gateway import bootstrap
from gateway.cli.main import main
from gateway.core.api_keys import ApiKeys
from gateway.domain.api_keys import key_id_of
from gateway.domain.audit import AuditEvent
from gateway.errors import StorageUnavailable
from gateway.settings import Settings
from unit.fakes import FakeApiKeys


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeApiKeys:
    found = FakeApiKeys()

    async def over(_: Settings, __: object, work: Callable[[ApiKeys], Awaitable[object]]) -> object:
        return await work(ApiKeys(found))

    async def events(_: Settings, __: object, limit: int) -> list[AuditEvent]:
        if found.failure is not None:
            raise found.failure
        return found.events[::-1][:limit]

    monkeypatch.setattr(bootstrap, "over_keys", over)
    monkeypatch.setattr(bootstrap, "audit_events", events)
    return found


def test_a_key_alone_is_on_standard_output(store: FakeApiKeys) -> None:
    result = run("key", "create", "scanner", "--scope", "run", "--scope", "read")
    assert result.exit_code == 0
    key_id = key_id_of(result.stdout.removesuffix("\n"))
    assert list(store.kept) == [key_id]
    assert "digest" in result.stderr


def test_all_that_a_key_can_be_has_a_flag(store: FakeApiKeys) -> None:
    flags = ("--owner", "team", "--pipeline", "ocr", "--pipeline", "say", "--rate", "600/minute", "--concurrency", "8")
    assert run("key", "create", "partner", "--scope", "run", *flags, "--expires", "90d").exit_code == 0
    (kept,) = store.kept.values()
    assert (kept.owner, kept.pipelines, kept.rate, kept.concurrency) == ("team", {"ocr", "say"}, "600/minute", 8)
    assert kept.expires_at is not None
    assert timedelta(days=89, hours=23) < kept.expires_at - kept.created_at <= timedelta(days=90)


@pytest.mark.parametrize(
    "arguments",
    [
        ("x",),
        ("x", "--scope", "all"),
        ("", "--scope", "run"),
        ("x", "--scope", "run", "--expires", "90"),
        ("x", "--scope", "run", "--expires", "0d"),
        ("x", "--scope", "run", "--rate", "many"),
        ("x", "--scope", "run", "--concurrency", "0"),
    ],
)
def test_what_no_key_can_be_is_a_mistake_of_usage(store: FakeApiKeys, arguments: tuple[str, ...]) -> None:
    result = run("key", "create", *arguments)
    assert (result.exit_code, result.stdout, store.kept) == (2, "", {})


@pytest.mark.usefixtures("store")
def test_keys_are_listed_without_their_digests() -> None:
    key = run("key", "create", "scanner", "--scope", "run").stdout.strip()
    (row,) = map(json.loads, run("key", "list").stdout.splitlines())
    assert (row["keyId"], row["name"], row["state"], row["scopes"]) == (key_id_of(key), "scanner", "good", ["run"])
    assert "digest" not in row
    table = run("key", "list", "-o", "text").stdout
    assert str(key_id_of(key)) in table
    assert key not in table


def test_a_key_is_revoked_by_its_id(store: FakeApiKeys) -> None:
    key_id = key_id_of(run("key", "create", "scanner", "--scope", "run").stdout.strip()) or ""
    result = run("key", "revoke", key_id)
    assert (result.exit_code, result.stdout) == (0, "")
    assert store.kept[key_id].revoked_at is not None
    assert '"state":"revoked"' in run("key", "list").stdout


@pytest.mark.usefixtures("store")
def test_a_key_there_is_none_of_is_not_revoked() -> None:
    result = run("key", "revoke", "nobodys")
    assert result.exit_code == 1
    assert "gateway key list" in result.stderr


@pytest.mark.usefixtures("store")
def test_the_audit_is_told_newest_first() -> None:
    key_id = key_id_of(run("key", "create", "scanner", "--scope", "run").stdout.strip()) or ""
    run("key", "revoke", key_id)
    told = [json.loads(line) for line in run("audit").stdout.splitlines()]
    assert [(each["action"], each["subject"]) for each in told] == [("key.revoked", key_id), ("key.created", key_id)]
    assert told[0]["actor"]
    assert "key.revoked" in run("audit", "-o", "text", "--limit", "1").stdout


def test_where_the_database_fails_the_command_says_so(store: FakeApiKeys) -> None:
    store.failure = StorageUnavailable()
    for arguments in (("key", "revoke", "x"), ("audit",)):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "not reachable" in result.stderr
