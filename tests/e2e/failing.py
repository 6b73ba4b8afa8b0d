"""A model repository of small ensembles of which each fails in a way of its own."""

from pathlib import Path

CODE = """
import pathlib
import time
import numpy as np
import triton_python_backend_utils as pb

class Refusal(Exception):
    pass

def say(given):
    return given

rare = say

def refuse(given):
    raise Refusal("refuse_model: it is none that it can read")

def shrink(given):
    raise Refusal("shrink_model: media.limit: it is larger than it takes")

def fail(given):
    raise ValueError("failed on " + given.decode())

def miswired(given):
    return given

def hold(given):
    path = pathlib.Path(given.decode())
    path.with_suffix(".begun").touch()
    while path.parent.exists() and not path.with_suffix(".go").exists():
        time.sleep(0.02)
    return b"held"

queue = hold

class TritonPythonModel:
    def initialize(self, args):
        if args["model_name"] == "broken_model":
            raise RuntimeError("its weights are gone")
        self.work = globals().get(args["model_name"].removesuffix("_model"))

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = pb.get_input_tensor_by_name(request, "IN").as_numpy()
        try:
            made = np.array([self.work(given.flat[0])], dtype=object).reshape(given.shape)
        except Refusal as refusal:
            return pb.InferenceResponse([], pb.TritonError(str(refusal), pb.TritonError.INVALID_ARG))
        return pb.InferenceResponse([pb.Tensor("OUT", made)])
"""
_PLAIN = ""
_QUEUE = "max_batch_size: 1 dynamic_batching { default_queue_policy { max_queue_size: 1 } }"
#: What the config of each model has beside its tensors, and what is declared of its ensemble.
MODELS = {
    "say": (_PLAIN, {}),
    "refuse": (_PLAIN, {}),
    "shrink": (_PLAIN, {}),
    "fail": (_PLAIN, {}),
    "miswired": (_PLAIN, {"role.OUT": "observation"}),
    "hold": (_PLAIN, {}),
    "queue": (_QUEUE, {}),
    "streaming": ("model_transaction_policy { decoupled: true }", {}),
    "rare": (_PLAIN, {"rate": "2/day"}),
    "broken": (_PLAIN, {}),
}
_TENSORS = (
    'input [ { name: "IN" data_type: TYPE_STRING dims: [ 1 ] } ]'
    ' output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]'
)


def write_failing(folder: Path) -> Path:
    """The repository."""
    for name, (config, declared) in MODELS.items():
        model = folder / f"{name}_model"
        (model / "1").mkdir(parents=True)
        (model / "1" / "model.py").write_text(CODE)
        (model / "config.pbtxt").write_text(f'name: "{name}_model" backend: "python" {_TENSORS} {config}')
        (folder / name / "1").mkdir(parents=True)
        batch = "max_batch_size: 1" if "max_batch_size" in config else ""
        parameters = [
            f'parameters {{ key: "gateway.{key}" value: {{ string_value: "{value}" }} }}'
            for key, value in declared.items()
        ]
        (folder / name / "config.pbtxt").write_text(
            f'name: "{name}" platform: "ensemble" {batch} {_TENSORS} {" ".join(parameters)}'
            f' ensemble_scheduling {{ step [ {{ model_name: "{name}_model" model_version: -1'
            ' input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "OUT" } } ] }'
        )
    return folder
