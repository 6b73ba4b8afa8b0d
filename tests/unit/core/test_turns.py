import msgspec
import pytest

from gateway.core.turns import Turns
from unit.fakes import gateway, pipeline


async def turns(most: int, declared: int | None = None) -> Turns:
    built = await gateway(msgspec.structs.replace(pipeline(), concurrency=declared), pipeline("other"))
    return Turns(built.pipelines, most)


async def test_a_pipeline_has_as_many_turns_as_the_worker_has_runs() -> None:
    those = await turns(2)
    assert [those.begin("ocr") for _ in range(3)] == [True, True, False]
    assert (those.full("ocr"), those.full("other")) == (True, False)


@pytest.mark.parametrize(("most", "declared", "turns_there_are"), [(4, 2, 2), (2, 4, 2), (3, None, 3)])
async def test_its_own_config_may_narrow_them(most: int, declared: int | None, turns_there_are: int) -> None:
    assert (await turns(most, declared)).most("ocr") == turns_there_are


async def test_a_pipeline_that_nobody_knows_has_the_turns_of_the_worker() -> None:
    assert (await turns(3)).most("never") == 3


async def test_one_pipeline_takes_no_turn_of_another() -> None:
    those = await turns(1)
    assert [those.begin("ocr"), those.begin("other")] == [True, True]


async def test_a_turn_that_ends_can_be_taken_again() -> None:
    those = await turns(1)
    those.begin("ocr")
    those.end("ocr")
    assert not those.full("ocr")
    assert those.begin("ocr")


async def test_a_run_that_finds_no_turn_is_remembered_until_somebody_has_looked_for_it() -> None:
    those = await turns(1)
    those.begin("ocr")
    assert those.last_refused("ocr") is None
    those.begin("ocr")
    refused = those.last_refused("ocr")
    assert refused is not None
    those.none_waits("ocr", refused)
    assert those.last_refused("ocr") is None


async def test_a_run_that_finds_no_turn_while_others_are_looked_for_stays_remembered() -> None:
    those = await turns(1)
    for _ in range(2):
        those.begin("ocr")
    refused = those.last_refused("ocr")
    assert refused is not None
    those.begin("ocr")
    those.none_waits("ocr", refused)
    assert those.last_refused("ocr") is not None


async def test_when_the_last_turn_ends_nothing_of_the_pipeline_is_kept() -> None:
    those = await turns(1)
    those.begin("ocr")
    those.begin("ocr")
    those.end("ocr")
    assert those.last_refused("ocr") is None
