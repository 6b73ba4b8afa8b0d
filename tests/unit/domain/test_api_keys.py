import re
from datetime import timedelta

import msgspec
import pytest

from gateway.domain import api_keys
from gateway.domain.access import Scope
from gateway.domain.api_keys import NewKey, digest_of, key_id_of, matches, new_key
from gateway.errors import InvalidInput
from gateway.limits import MAX_NAME_CHARACTERS, MAX_PIPELINES_PER_KEY
from unit.fakes import START

RUN = frozenset((Scope.RUN,))


def wanted(**fields: object) -> NewKey:
    return NewKey(**({"name": "scanner", "scopes": RUN} | fields))  # type: ignore[arg-type]


def test_a_key_has_an_id_and_256_bits_of_chance() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        found = re.fullmatch(r"gw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", key)
        assert found
        assert key_id_of(key) == found[1]


@pytest.mark.parametrize(
    "text", ["", "gw_", "gw_00_x", "GW_0000000000000000_" + "a" * 43, "gw_0000000000000000_" + "a" * 44, "a" * 100_000]
)
def test_what_has_not_the_form_of_a_key_has_no_id(text: str) -> None:
    assert key_id_of(text) is None


@pytest.mark.parametrize("tail", ["\n", " ", "ä", "\0"])
def test_nothing_may_stand_behind_a_key(tail: str) -> None:
    assert key_id_of(new_key() + tail) is None


def test_a_key_matches_itself_alone() -> None:
    key = new_key()
    kept = wanted().made(key, START)
    assert matches(key, kept)
    assert not matches(key[:-1] + ("A" if key[-1] != "A" else "B"), kept)
    assert not matches(new_key(), kept)


def test_a_key_that_there_is_none_of_is_compared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return True

    monkeypatch.setattr(api_keys.hmac, "compare_digest", compare)
    key = new_key()
    assert not matches(key, None)
    assert not matches("", None)
    assert [one for one, _ in compared] == [digest_of(key), digest_of("")]
    assert {len(other) for _, other in compared} == {32}


def test_only_the_digest_of_a_key_is_kept() -> None:
    key = new_key()
    kept = wanted().made(key, START)
    secret = key.rpartition("_")[2] if "_" not in key[20:] else key[20:]
    assert kept.digest == digest_of(key)
    assert secret not in str(msgspec.structs.asdict(kept))


def test_without_an_owner_it_is_its_names() -> None:
    assert wanted().made(new_key(), START).owner == "scanner"
    assert wanted(owner="team").made(new_key(), START).caller.owner == "team"


def test_a_key_is_good_until_it_expires_or_is_revoked() -> None:
    kept = wanted(expires_at=START + timedelta(seconds=1)).made(new_key(), START)
    assert kept.good_at(START)
    assert not kept.good_at(START + timedelta(seconds=1))
    assert not msgspec.structs.replace(kept, revoked_at=START).good_at(START)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " x"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a" * (MAX_NAME_CHARACTERS + 1)}, "name"),
        ({"owner": ""}, "owner"),
        ({"owner": "\x1b[2J"}, "owner"),
        ({"scopes": frozenset()}, "scopes"),
        ({"pipelines": frozenset()}, "pipelines"),
        ({"pipelines": frozenset(map(str, range(MAX_PIPELINES_PER_KEY + 1)))}, "pipelines"),
        ({"rate": "600"}, "rate"),
        ({"rate": "0/minute"}, "rate"),
        ({"rate": "600/week"}, "rate"),
        ({"concurrency": 0}, "concurrency"),
        ({"expires_at": START}, "expires_at"),
    ],
)
def test_what_no_key_can_be_is_refused_by_field(fields: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        wanted(**fields).check(START)
    assert refusal.value.field == field


def test_what_a_key_may_be_is_taken_at_the_limits() -> None:
    wanted(
        name="a" * MAX_NAME_CHARACTERS,
        owner="Ö",
        pipelines=frozenset(map(str, range(MAX_PIPELINES_PER_KEY))),
        rate="999999999/day",
        concurrency=(1 << 31) - 1,
        expires_at=START + timedelta(microseconds=1),
    ).check(START)
