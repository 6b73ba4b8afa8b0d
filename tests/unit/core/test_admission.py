import pytest

from gateway.core.admission import Admission
from gateway.core.health import Readiness
from gateway.domain.access import ANYONE, Caller, Scope
from gateway.errors import Draining, Overloaded, StorageUnavailable, TritonUnavailable
from unit.fakes import Gateway


def test_a_call_past_the_last_place_is_refused_at_once() -> None:
    admission = Admission(2)
    with admission.place(ANYONE), admission.place(ANYONE):
        assert admission.taken == 2
        with pytest.raises(Overloaded), admission.place(ANYONE):
            pass
        assert admission.taken == 2
    assert admission.taken == 0


def test_a_place_is_free_again_when_its_call_failed() -> None:
    admission = Admission(1)
    with pytest.raises(RuntimeError), admission.place(ANYONE):
        raise RuntimeError
    with admission.place(ANYONE):
        assert admission.taken == 1


def test_after_closing_calls_in_hand_go_on_and_others_are_refused() -> None:
    admission = Admission(2)
    with admission.place(ANYONE):
        admission.close()
        assert admission.leaving
        with pytest.raises(Draining), admission.place(ANYONE):
            pass
        assert admission.taken == 1
    assert admission.taken == 0


def test_a_gateway_that_leaves_still_takes_the_calls_that_come() -> None:
    admission = Admission(1)
    admission.leave()
    assert admission.leaving
    with admission.place(ANYONE, "ocr"):
        assert admission.taken == 1


def test_one_pipeline_cannot_take_all_places() -> None:
    admission = Admission(3, 2)
    with admission.place(ANYONE, "ocr"), admission.place(ANYONE, "ocr"):
        with pytest.raises(Overloaded), admission.place(ANYONE, "ocr"):
            pass
        with admission.place(ANYONE, "other"), pytest.raises(Overloaded), admission.place(ANYONE, "third"):
            pass
        assert admission.taken == 2


def test_the_config_of_a_pipeline_narrows_its_places_and_never_widens_them() -> None:
    admission = Admission(8, 2, {"narrow": 1, "wide": 5}.get)
    with admission.place(ANYONE, "narrow"), pytest.raises(Overloaded), admission.place(ANYONE, "narrow"):
        pass
    with (
        admission.place(ANYONE, "wide"),
        admission.place(ANYONE, "wide"),
        pytest.raises(Overloaded),
        admission.place(ANYONE, "wide"),
    ):
        pass


def test_a_call_that_is_accepted_for_the_background_takes_a_place_of_all_alone() -> None:
    admission = Admission(2, 1)
    with admission.place(ANYONE, "ocr"), admission.place(ANYONE), pytest.raises(Overloaded), admission.place(ANYONE):
        pass
    assert admission.taken == 0


def test_names_that_nobody_knows_leave_nothing_behind() -> None:
    admission = Admission(1)
    for number in range(100):
        with admission.place(ANYONE, f"never-{number}"):
            assert admission.pipelines == 1
    assert admission.pipelines == 0


async def test_the_gateway_is_ready_with_all_its_parts() -> None:
    assert (await Gateway().services.health.readiness()).ready


@pytest.mark.parametrize("part", ["triton", "database", "blobs", "admitting"])
async def test_the_gateway_is_not_ready_without_one_of_its_parts(part: str) -> None:
    built = Gateway()
    _take_away(built, part)
    readiness = await built.services.health.readiness()
    assert not readiness.ready
    parts = ("triton", "database", "blobs", "admitting")
    assert readiness == Readiness(**{each: each != part for each in parts})


def _take_away(built: Gateway, part: str) -> None:
    if part == "triton":
        built.source.failure = TritonUnavailable()
    elif part == "database":
        built.records.answers = False
    elif part == "blobs":
        built.blobs.failure = StorageUnavailable()
    else:
        built.admission.close()


def caller(key: str, concurrency: int | None = None) -> Caller:
    return Caller(owner="acme", scopes=frozenset((Scope.RUN,)), key_id=key, concurrency=concurrency)


def test_one_key_cannot_take_all_places() -> None:
    admission = Admission(4, of_key=2)
    first, second = caller("first"), caller("second")
    with admission.place(first, "ocr"), admission.place(first, "ocr"):
        with pytest.raises(Overloaded), admission.place(first, "ocr"):
            pass
        with admission.place(second, "ocr"):
            assert admission.taken == 3
    with admission.place(first):
        assert admission.taken == 1


@pytest.mark.parametrize("of_key", [None, 1, 8])
def test_the_number_of_a_key_s_own_comes_before_that_of_the_settings(of_key: int | None) -> None:
    admission = Admission(8, of_key=of_key)
    own = caller("own", 2)
    with admission.place(own), admission.place(own), pytest.raises(Overloaded), admission.place(own):
        pass
    assert admission.taken == 0


def test_a_key_that_is_refused_by_its_pipeline_takes_no_place_of_its_own() -> None:
    admission = Admission(8, 1, of_key=2)
    with admission.place(caller("key"), "ocr"):
        for _ in range(3):
            with pytest.raises(Overloaded), admission.place(caller("key"), "ocr"):
                pass
        with admission.place(caller("key"), "other"):
            assert admission.taken == 2
