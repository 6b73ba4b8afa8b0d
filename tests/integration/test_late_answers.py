"""A model's process that was held up, given up by Triton, and goes on: its late answer belongs to nobody."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from gateway.adapters.rendering.pool import DecoderPool
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from gateway.adapters.triton.control import TritonControl, open_channel
from gateway.adapters.triton.counters import GrpcCounting, HttpCounting
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.adapters.triton.models import TritonModels
from gateway.adapters.triton.witness import TritonWitness
from gateway.core.converting import Converter
from gateway.core.dispatch import Dispatcher, Work
from gateway.core.healing import Healing
from gateway.core.pipelines import Pipelines
from gateway.domain.media import Media
from gateway.errors import ModelDied, Unavailable
from gateway.ports import Dispatch, Inference
from unit.fakes import FakeStore, FakeTurns, Gateway, text

CODE = """
import json, pathlib, time
import numpy as np
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = pb.get_input_tensor_by_name(request, "IN").as_numpy()[0].decode()
        path = pathlib.Path(given)
        path.with_suffix(".begun").touch()
        while not path.with_suffix(".go").exists():
            time.sleep(0.02)
        said = json.dumps({"rawText": given}).encode()
        return pb.InferenceResponse([pb.Tensor("OUT", np.array([said], dtype=object))])
"""
TENSORS = (
    'input [ { name: "IN" data_type: TYPE_STRING dims: [ 1 ] } ]'
    ' output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]'
)
STEP = (
    '{ model_name: "hold_model" model_version: -1'
    ' input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "OUT" } }'
)


def write_models(folder: Path) -> Path:
    """One ensemble over one process that says what it is given, as soon as it is told to."""
    for name in ("hold", "hold_model"):
        (folder / name / "1").mkdir(parents=True)
    (folder / "hold_model" / "1" / "model.py").write_text(CODE)
    (folder / "hold_model" / "config.pbtxt").write_text(f'name: "hold_model" backend: "python" {TENSORS}')
    ensemble = f'name: "hold" platform: "ensemble" {TENSORS} ensemble_scheduling {{ step [ {STEP} ] }}'
    (folder / "hold" / "config.pbtxt").write_text(ensemble)
    return folder


@pytest.fixture
async def endpoints(new_folder: Path) -> AsyncIterator[Endpoints]:
    """A Triton of one's own: it does not live long after this."""
    new_folder.chmod(0o777)
    plan = StackPlan(
        data_dir=new_folder / "data", model_repository=write_models(new_folder / "models"), with_postgres=False
    )
    async with EmbeddedStack(plan, report=print) as endpoints:
        yield endpoints


def inference(path: Path) -> Inference:
    return Inference("hold", (text("IN", str(path).encode()),), "request-1")


def processes(folder: Path) -> list[psutil.Process]:
    """The model's."""
    found = []
    for each in psutil.process_iter():
        try:
            if each.name() == "triton_python_backend_stub" and str(folder) in " ".join(each.cmdline()):
                found.append(each)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("asked_before", [0, 3])
@pytest.mark.parametrize("shared", ["http", "grpc", ""])
async def test_an_answer_that_comes_too_late_is_given_to_nobody_else(
    endpoints: Endpoints, new_folder: Path, shared: str, asked_before: int
) -> None:
    """Where Triton is shared, it is another process that is told of the failure; else an inference of our own is.

    Of a model that has just been seen to make progress, as of one that nobody has asked before.
    """
    assert endpoints.triton_grpc
    assert endpoints.triton_http
    first, second = new_folder / "first", new_folder / "second"
    second.with_suffix(".go").touch()
    async with open_channel(endpoints.triton_grpc) as channel:
        host, _, port = endpoints.triton_http.rpartition(":")
        deaths, control = Deaths(), TritonControl(channel)
        engine = HttpEngine(host, int(port), 4, deaths)
        elsewhere = HttpEngine(host, int(port), 4, Deaths()) if shared else engine
        pipelines = Pipelines(control, FakeStore())
        await pipelines.refresh()
        models = TritonModels(channel, control)
        counting = HttpCounting(host, int(port)) if shared == "http" else GrpcCounting(channel)
        witness = TritonWitness(counting, control, models, deaths, shared=bool(shared))
        healing = Healing(models, witness, FakeTurns(), pipelines.refresh)
        work = Work("run-1", await pipelines.runnable("hold"), (Media("m", str(second).encode()),), (), {}, [])
        dispatcher = Dispatcher(engine, Converter(DecoderPool()), healing, Gateway().artifacts)
        for _ in range(asked_before):
            await dispatcher.contents(work, 30.0)
        # Somebody asks, and we do while the process is held up.
        other = asyncio.create_task(elsewhere.infer(inference(first), Dispatch()))
        while not first.with_suffix(".begun").exists():
            await asyncio.sleep(0.01)
        held_up = processes(new_folder)
        for each in held_up:
            each.suspend()
        ours = asyncio.create_task(dispatcher.contents(work, 30.0))
        with pytest.raises(ModelDied):
            await other
        first.with_suffix(".go").touch()
        for each in held_up:
            if each.is_running():
                each.resume()
        (answered,) = await asyncio.gather(ours, return_exceptions=True)
        await healing.close()
        await engine.close()
        await elsewhere.close()
        await counting.close()
    assert isinstance(answered, Unavailable) or answered == [b'{"rawText": "%b"}' % str(second).encode()]
