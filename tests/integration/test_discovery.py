"""Pipelines as they are read from the real Triton."""

from collections.abc import AsyncIterator

import pytest

from gateway.adapters.triton.control import TritonControl, open_channel
from gateway.domain.pipelines import InputRole, OutputRole, PipelineStatus
from gateway.errors import TritonUnavailable
from places import TritonAddress


@pytest.fixture
async def control(triton: TritonAddress) -> AsyncIterator[TritonControl]:
    """The control of the embedded Triton."""
    channel = open_channel(triton.grpc)
    yield TritonControl(channel)
    await channel.close()


async def test_ensembles_and_only_they_are_pipelines(control: TritonControl) -> None:
    discovery = await control.discover({})
    assert {each.pipeline_id for each in discovery.pipelines} == {"image_stats", "image_thumbnail", "ocr"}
    assert discovery.hidden == frozenset()


async def test_a_pipeline_knows_its_steps_their_tensors_and_versions(control: TritonControl) -> None:
    found = {each.pipeline_id: each for each in (await control.discover({})).pipelines}["ocr"]
    assert found.status is PipelineStatus.READY
    assert [step.model for step in found.steps] == ["decode", "text_detect", "text_recognize"]
    assert found.model_versions == {"decode": "1", "text_detect": "1", "text_recognize": "1"}
    assert [(each.name, each.role) for each in found.inputs] == [("IMAGE", InputRole.MEDIA)]
    assert [(each.name, each.role) for each in found.outputs] == [("OBSERVATION", OutputRole.AUTO)]
    assert found.tag == "documents"
    (pixels,) = found.steps[0].outputs
    assert (pixels.datatype, pixels.shape, pixels.tensor) == ("UINT8", (-1, -1, 3), "pixels")


async def test_the_server_says_that_it_is_ready(control: TritonControl) -> None:
    assert await control.ready()


async def test_a_server_that_is_away_is_unavailable_and_not_ready(unused_tcp_port: int) -> None:
    channel = open_channel(f"127.0.0.1:{unused_tcp_port}")
    away = TritonControl(channel)
    assert not await away.ready()
    with pytest.raises(TritonUnavailable):
        await away.discover({})
    await channel.close()
