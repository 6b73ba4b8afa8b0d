import asyncio

from gateway.core.drain import Drain


async def never() -> None:
    await asyncio.Event().wait()


async def test_work_that_ends_in_time_is_waited_for() -> None:
    drain = Drain(grace=60.0)
    drain.begin()
    assert await drain.wait(asyncio.sleep(0))


async def test_work_that_does_not_end_in_time_is_given_up() -> None:
    drain = Drain(grace=0.01)
    drain.begin()
    assert not await drain.wait(never())
    assert drain.left == 0.0


async def test_a_hurry_ends_every_wait_and_leaves_no_time() -> None:
    hurry = asyncio.Event()
    drain = Drain(delay=60.0, grace=60.0, hurry=hurry)
    drain.begin()
    assert drain.left > 60.0
    waits = asyncio.gather(drain.wait(never()), drain.pause(60.0))
    await asyncio.sleep(0)
    hurry.set()
    assert (await waits)[0] is False
    assert drain.left == 0.0


async def test_what_is_to_happen_at_the_begin_happens_once() -> None:
    drain, begun = Drain(), list[str]()
    drain.at_begin(lambda: begun.append("begun"))
    assert begun == []
    drain.begin()
    drain.begin()
    assert begun == ["begun"]
