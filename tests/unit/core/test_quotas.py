import msgspec
import pytest

from gateway.core.quotas import Quotas
from unit.fakes import gateway, pipeline


async def quotas(most: int, declared: int | None = None) -> Quotas:
    built = await gateway(msgspec.structs.replace(pipeline(), concurrency=declared), pipeline("other"))
    return Quotas(built.pipelines, most)


async def test_a_pipeline_has_as_many_quotas_as_the_worker_has_runs() -> None:
    those = await quotas(2)
    assert [those.take("ocr") for _ in range(3)] == [True, True, False]
    assert (those.full("ocr"), those.full("other")) == (True, False)


@pytest.mark.parametrize(("most", "declared", "quotas_there_are"), [(4, 2, 2), (2, 4, 2), (3, None, 3)])
async def test_its_own_config_may_narrow_them(most: int, declared: int | None, quotas_there_are: int) -> None:
    assert (await quotas(most, declared)).most("ocr") == quotas_there_are


async def test_a_pipeline_that_nobody_knows_has_the_quotas_of_the_worker() -> None:
    assert (await quotas(3)).most("never") == 3


async def test_one_pipeline_takes_no_place_of_another() -> None:
    those = await quotas(1)
    assert [those.take("ocr"), those.take("other")] == [True, True]


async def test_a_place_that_is_given_back_can_be_taken_again() -> None:
    those = await quotas(1)
    those.take("ocr")
    those.give_back("ocr")
    assert not those.full("ocr")
    assert those.take("ocr")


async def test_a_run_that_finds_no_place_is_remembered_until_somebody_has_looked_for_it() -> None:
    those = await quotas(1)
    those.take("ocr")
    assert those.last_refused("ocr") is None
    those.take("ocr")
    refused = those.last_refused("ocr")
    assert refused is not None
    those.none_waits("ocr", refused)
    assert those.last_refused("ocr") is None


async def test_a_run_that_finds_no_place_while_others_are_looked_for_stays_remembered() -> None:
    those = await quotas(1)
    for _ in range(2):
        those.take("ocr")
    refused = those.last_refused("ocr")
    assert refused is not None
    those.take("ocr")
    those.none_waits("ocr", refused)
    assert those.last_refused("ocr") is not None


async def test_when_the_last_place_is_given_back_nothing_of_the_pipeline_is_kept() -> None:
    those = await quotas(1)
    those.take("ocr")
    those.take("ocr")
    those.give_back("ocr")
    assert those.last_refused("ocr") is None
