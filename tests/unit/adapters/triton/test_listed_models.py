import pytest

from gateway.adapters.triton.control import Listed
from gateway.domain.pipelines import PipelineStatus

States = tuple[tuple[str, str], ...]


@pytest.mark.parametrize(
    ("states", "version", "status"),
    [
        ((("1", "READY"),), "1", PipelineStatus.READY),
        ((("9", "READY"), ("10", "READY"), ("2", "READY")), "10", PipelineStatus.READY),
        ((("1", "READY"), ("2", "LOADING")), "1", PipelineStatus.READY),
        ((("1", "READY"), ("2", "UNAVAILABLE")), "1", PipelineStatus.READY),
        ((("1", "LOADING"),), None, PipelineStatus.LOADING),
        ((("1", "UNLOADING"),), None, PipelineStatus.LOADING),
        ((("1", "UNAVAILABLE"), ("2", "LOADING")), None, PipelineStatus.LOADING),
        ((("1", "UNAVAILABLE"),), None, PipelineStatus.UNAVAILABLE),
        ((("", ""),), None, PipelineStatus.UNAVAILABLE),
        ((), None, PipelineStatus.UNAVAILABLE),
    ],
)
def test_the_newest_version_that_is_ready_is_the_one_that_answers(
    states: States, version: str | None, status: PipelineStatus
) -> None:
    listed = Listed("ocr", states, "")
    assert (listed.ready_version, listed.status) == (version, status)
