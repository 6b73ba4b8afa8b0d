"""Transforms in real children: the rows of the table, the limits, and what becomes of children that are killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psutil
import pytest

from gateway.adapters.children.child import Program
from gateway.adapters.jsonata.pool import TransformPool
from gateway.errors import Draining, Internal, TransformInvalid, TransformLimit
from gateway.limits import MAX_TRANSFORM_CHARACTERS, MAX_TRANSFORM_DEPTH, TRANSFORM_CHILDREN
from unit.jsonata_table import NOTHING, ROWS, Error, Row

#: Seconds after which a test that should have ended long ago is given up.
PATIENCE = 60.0
FOR_EVER = "($f := function($x) { $f($x) }; $f(1))"
KILLERS = [
    '$pad("a", 2000000000)',
    FOR_EVER,
    "($f := function($x) { 1 + $f($x) }; $f(1))",
    '$reduce([1..60], function($a, $b) { $a & $a }, "x")',
    '$reduce([1..60], function($a, $b) { $append($a, $a) }, ["x"])',
    "[1..10000000].[1..10000000]",
    "[1..10000000]",
    "[1..100000000]",
    '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /(?=a)(a+)+$/)',
    "[" * 8000,
    "(" * 4000 + "1" + ")" * 4000,
]
ORPHANS = """
import asyncio, sys, uvloop
from gateway.adapters.jsonata.pool import TransformPool

async def main():
    pool = TransformPool(timeout=600)
    await asyncio.gather(pool.transform("1", b"{}"), pool.transform("2", b"{}"))
    print(*pool.pids(), flush=True)
    await pool.transform(sys.argv[1], b"{}")

uvloop.run(main())
"""
Started = Callable[..., TransformPool]


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[TransformPool]:
    """The pool as the gateway has it."""
    pool = TransformPool()
    yield pool
    await pool.close()


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    """Pools of one's own."""
    pools: list[TransformPool] = []

    def start(**limits: Any) -> TransformPool:
        pools.append(TransformPool(**limits))
        return pools[-1]

    yield start
    for each in pools:
        await each.close()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


async def outcome(answer: Awaitable[bytes | None]) -> Any:
    try:
        result = await answer
    except (TransformInvalid, TransformLimit) as refused:
        return Error(refused.message)
    return NOTHING if result is None else json.loads(result)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_a_child_makes_what_the_table_says(pool: TransformPool, row: Row) -> None:
    made = await outcome(pool.transform(row.expression, json.dumps(row.document).encode()))
    if isinstance(row.expected, Error):
        assert f"[{row.expected.code}]" in made.code
    else:
        assert made == row.expected


@pytest.mark.parametrize("killer", KILLERS, ids=[killer[:40] for killer in KILLERS])
async def test_a_killer_ends_in_its_limit_while_another_call_is_answered(started: Started, killer: str) -> None:
    pool = started(timeout=2.0)
    async with asyncio.timeout(PATIENCE):
        doomed = asyncio.create_task(outcome(pool.transform(killer, b"{}")))
        assert await pool.transform("a", b'{"a": 1}') == b"1"
        assert (await doomed).code.startswith("The transform needs ")
        assert await pool.transform("a", b'{"a": 2}') == b"2"


async def test_an_expression_that_others_would_backtrack_over_for_ever_is_answered(pool: TransformPool) -> None:
    text = json.dumps("a" * 5000 + "!").encode()
    async with asyncio.timeout(PATIENCE):
        assert await pool.transform("$match($, /(a+)+$/)", text) is None


async def test_a_call_does_not_wait_for_one_that_has_no_end(started: Started) -> None:
    pool = started(timeout=600)
    endless = asyncio.create_task(pool.transform(FOR_EVER, b"{}"))
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*(pool.transform("a", b'{"a": %d}' % n) for n in range(20))) == [
            b"%d" % n for n in range(20)
        ]
    assert not endless.done()
    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless


async def test_more_killers_than_children_only_make_the_others_wait(started: Started) -> None:
    pool = started(timeout=0.5)
    killers = [outcome(pool.transform(FOR_EVER, b"{}")) for _ in range(2 * TRANSFORM_CHILDREN)]
    async with asyncio.timeout(PATIENCE):
        *doomed, good = await asyncio.gather(*killers, pool.transform("a", b'{"a": 1}'))
    assert good == b"1"
    assert all("more time" in each.code for each in doomed)
    await eventually(lambda: len(pool.pids()) == TRANSFORM_CHILDREN)


async def test_a_caller_that_goes_takes_its_answer_with_it(started: Started) -> None:
    pool = started(children=1)
    for number in range(30):
        gone = asyncio.create_task(pool.transform("[1..20000]", b"{}"))
        for _ in range(number):
            await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            assert await pool.transform("a", b'{"a": %d}' % number) == b"%d" % number


async def test_a_caller_that_goes_while_it_waits_leaves_its_place_to_the_next(started: Started) -> None:
    pool = started(children=1, timeout=600)
    endless = asyncio.create_task(pool.transform(FOR_EVER, b"{}"))
    waiting = [asyncio.create_task(pool.transform("a", b'{"a": 1}')) for _ in range(3)]
    await eventually(lambda: bool(pool.pids()))
    waiting[0].cancel()
    endless.cancel()
    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert answers[1:] == [b"1", b"1"]


async def test_children_start_at_first_use_and_stay(started: Started) -> None:
    pool = started()
    assert pool.pids() == set()
    await pool.transform("1", b"{}")
    first = pool.pids()
    assert len(first) == 1
    await pool.transform("1", b"{}")
    assert pool.pids() == first


async def test_a_child_that_was_killed_while_it_had_nothing_to_do_is_replaced(started: Started) -> None:
    pool = started()
    await pool.transform("1", b"{}")
    (pid,) = pool.pids()
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert await pool.transform("2", b"{}") == b"2"
    assert pool.pids().isdisjoint({pid})
    assert not psutil.pid_exists(pid)


async def test_no_child_outlives_a_gateway_that_was_killed() -> None:
    gateway = subprocess.Popen([sys.executable, "-c", ORPHANS, FOR_EVER], stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    children = [psutil.Process(int(pid)) for pid in gateway.stdout.readline().split()]
    assert len(children) == 2
    await eventually(lambda: any(each.cpu_times().user > 0.2 for each in children))
    gateway.kill()
    gateway.wait()
    gateway.stdout.close()
    await eventually(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in children))


async def test_closing_ends_every_child_and_every_call(started: Started) -> None:
    pool = started(children=1, timeout=600)
    calls = [asyncio.create_task(pool.transform(FOR_EVER, b"{}")) for _ in range(3)]
    await eventually(lambda: bool(pool.pids()))
    pids = pool.pids()
    await pool.close()
    async with asyncio.timeout(PATIENCE):
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [Draining] * 3
    assert not any(map(psutil.pid_exists, pids))
    with pytest.raises(Draining):
        await pool.transform("1", b"{}")
    assert pool.pids() == set()


async def test_a_child_has_its_limits_and_none_of_the_gateways_secrets(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", "hush")
    pool = started(memory=200 * 1024 * 1024)
    await pool.transform("1", b"{}")
    (process,) = map(psutil.Process, pool.pids())
    assert "GATEWAY_SECRET" not in process.environ()
    assert process.rlimit(psutil.RLIMIT_AS) == (200 * 1024 * 1024,) * 2
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert os.getsid(process.pid) == process.pid


async def test_a_child_that_cannot_start_is_a_fault_of_ours_and_the_next_call_tries_again(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = started(children=1)
    with monkeypatch.context() as broken:
        broken.setattr(pool._pool, "program", Program("gateway.nowhere", 2**30))
        for _ in range(2):
            with pytest.raises(Internal):
                await pool.transform("1", b"{}")
    assert await pool.transform("1", b"{}") == b"1"


async def test_a_result_may_only_be_so_large(started: Started) -> None:
    pool = started(max_result=100)
    assert await pool.transform("$pad('a', 98)", b"{}") == b'"' + b"a".ljust(98) + b'"'
    with pytest.raises(TransformLimit, match="larger result"):
        await pool.transform("$pad('a', 99)", b"{}")


async def test_a_document_and_a_result_may_only_be_nested_so_deep(pool: TransformPool) -> None:
    nest = '($f := function($n) {{ $n = 0 ? 0 : {{"a": $f($n - 1)}} }}; $f({0}))'
    for depth in (MAX_TRANSFORM_DEPTH - 1, MAX_TRANSFORM_DEPTH):
        deep = b"[" * depth + b"]" * depth
        assert await pool.transform("$", deep) == deep
        assert await pool.transform(nest.format(depth), b"{}") == b'{"a":' * depth + b"0" + b"}" * depth
    with pytest.raises(TransformLimit, match="deeper nested observation"):
        await pool.transform("$", b"[" * (MAX_TRANSFORM_DEPTH + 1) + b"]" * (MAX_TRANSFORM_DEPTH + 1))
    with pytest.raises(TransformLimit, match="deeper nested result"):
        await pool.transform(nest.format(MAX_TRANSFORM_DEPTH + 1), b"{}")


async def test_large_documents_and_results_come_through_whole(pool: TransformPool) -> None:
    document = json.dumps([{"n": n, "text": "ü" * 50} for n in range(20000)], separators=(",", ":"), ensure_ascii=False)
    assert await pool.transform("$", document.encode()) == document.encode()


@pytest.mark.parametrize("size", [10_000_000, 120_000_000], ids=["when parsed", "at all"])
async def test_a_document_that_does_not_fit_in_memory_is_past_the_limit(started: Started, size: int) -> None:
    pool = started(children=1, memory=100 * 1024 * 1024, timeout=PATIENCE)
    with pytest.raises(TransformLimit, match="more memory"):
        await pool.transform("$count($)", b"[" + b'{"n":1},' * (size // 8) + b"1]")
    assert await pool.transform("1", b"{}") == b"1"


async def test_a_call_is_not_answered_with_what_was_left_of_another(started: Started) -> None:
    pool = started(children=1, memory=100 * 1024 * 1024)
    for number in range(5):
        with pytest.raises(TransformLimit):
            await pool.transform("$pad($, 200000000)", b'"a"')
        with pytest.raises(TransformInvalid):
            await pool.transform("1 +", b"[1, 2, 3]")
        assert await pool.transform("a", b'{"a": %d}' % number) == b"%d" % number


async def test_an_expression_may_only_be_so_long(pool: TransformPool) -> None:
    longest = "1".ljust(MAX_TRANSFORM_CHARACTERS)
    assert await pool.transform(longest, b"{}") == b"1"
    with pytest.raises(TransformInvalid, match=str(MAX_TRANSFORM_CHARACTERS)):
        await pool.transform(longest + " ", b"{}")


async def test_nothing_is_not_null(pool: TransformPool) -> None:
    assert await pool.transform("a", b'{"a": null}') == b"null"
    assert await pool.transform("b", b'{"a": null}') is None


@pytest.mark.parametrize("document", [b"{", b"\xff", b"", b'{"a": NaN}'])
async def test_a_document_that_is_not_json_is_refused(pool: TransformPool, document: bytes) -> None:
    with pytest.raises(TransformInvalid, match="the observation is not JSON"):
        await pool.transform("1", document)


async def test_a_document_nested_too_deep_is_past_the_limit(pool: TransformPool) -> None:
    with pytest.raises(TransformLimit, match="nested"):
        await pool.transform("$", b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "expression",
    [
        "whisper whisper",
        "'whisper",
        "$error('whisper ' & secret)",
        "$assert(false, secret)",
        "$number(secret)",
        "$toMillis(secret)",
        "secret + 1",
        "$whisper()",
        "$match(secret, /(whisper/)",
        "$match(secret, /(?=whisper/)",
        "$eval(secret & ' whisper')",
        "$single([1, 2], $whisper)",
        "whisper := 1",
        "$ ~> |$|secret|",
        "\ud800whisper",
    ],
)
async def test_a_refusal_repeats_neither_the_document_nor_the_expression(pool: TransformPool, expression: str) -> None:
    with pytest.raises(TransformInvalid) as caught:
        await pool.transform(expression, b'{"secret": "hush"}')
    assert "hush" not in caught.value.message
    assert "whisper" not in caught.value.message


async def test_a_refusal_says_where_an_expression_stops_being_jsonata(pool: TransformPool) -> None:
    with pytest.raises(TransformInvalid) as caught:
        await pool.transform("boats[kind='tug'.name", b"{}")
    assert caught.value.message.endswith(": it ends before something is closed (position 21) [S0203].")
