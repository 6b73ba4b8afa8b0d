"""A model repository of small ensembles that say what they were given, for tests of records."""

from pathlib import Path

CODE = '''
import json
import pathlib
import time
import numpy as np
import triton_python_backend_utils as pb

def parameters(request):
    return json.loads(request.parameters() or "{}")

def say(request, given):
    text = given.decode()
    return json.dumps({"label": {"index": 0, "name": text, "confidence": 1.0}, "rawText": text})

def first(request, given):
    return json.dumps([parameters(request)])

def second(request, given):
    return json.dumps(json.loads(given) + [parameters(request)])

def hold(request, given):
    """Say that the work has begun, and end it when somebody says so."""
    path = pathlib.Path(given.decode())
    with path.with_suffix(".begun").open("a") as begun:
        begun.write("x")
    while path.parent.exists() and not path.with_suffix(".go").exists():
        time.sleep(0.02)
    return json.dumps({"rawText": "held"})

class TritonPythonModel:
    def initialize(self, args):
        self.work = globals()[args["model_name"].removesuffix("_model")]

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = pb.get_input_tensor_by_name(request, "IN").as_numpy()[0]
        made = self.work(request, given)
        return pb.InferenceResponse([pb.Tensor("OUT", np.array([made.encode()], dtype=object))])
'''
#: Each ensemble: its steps, and the transform it declares.
ENSEMBLES = {
    "say": (("say_model",), "mediaContents.rawText"),
    "parameters": (("first_model", "second_model"), ""),
    "hold": (("hold_model",), ""),
}
_TENSORS = (
    'input [ { name: "IN" data_type: TYPE_STRING dims: [ 1 ] } ]'
    ' output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]'
)


def write_small(folder: Path) -> Path:
    """The repository."""
    for name, (steps, transform) in ENSEMBLES.items():
        for model in steps:
            (folder / model / "1").mkdir(parents=True)
            (folder / model / "1" / "model.py").write_text(CODE)
            (folder / model / "config.pbtxt").write_text(f'name: "{model}" backend: "python" {_TENSORS}')
        (folder / name / "1").mkdir(parents=True)
        declared = f'parameters {{ key: "gateway.transform" value: {{ string_value: "{transform}" }} }}'
        (folder / name / "config.pbtxt").write_text(
            f'name: "{name}" platform: "ensemble" {_TENSORS} {declared if transform else ""}'
            f" ensemble_scheduling {{ step [ {', '.join(_steps(steps))} ] }}"
        )
    return folder


def _steps(models: tuple[str, ...]) -> list[str]:
    tensors = ["IN", *(f"AFTER_{number}" for number in range(1, len(models))), "OUT"]
    return [
        f'{{ model_name: "{model}" model_version: -1 input_map {{ key: "IN" value: "{given}" }}'
        f' output_map {{ key: "OUT" value: "{made}" }} }}'
        for model, given, made in zip(models, tensors, tensors[1:], strict=False)
    ]
