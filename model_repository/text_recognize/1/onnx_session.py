"""An onnxruntime session for a step, on the GPU or the CPU as the model's configuration says.

The same file lies in text_detect and in text_recognize, because each model folder must load without the other;
a test keeps the two alike. Parameters of config.pbtxt, all optional:

provider  auto (default): CUDA for an instance that Triton placed on a GPU, else the CPU
          cuda: CUDA, or the model does not load;  cpu: the CPU, wherever the instance is
threads   threads of the session on the CPU; 0 (default): one for each CPU, four at most
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import onnxruntime

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
NO_CUDA = (
    "onnxruntime offers no CUDA here: install onnxruntime-gpu with the CUDA and cuDNN libraries it needs, "
    "or set the parameter provider to cpu"
)


def open_session(
    model: Path, parameters: Mapping[str, str], args: Mapping[str, str], warn: Callable[[str], None]
) -> onnxruntime.InferenceSession:
    """A session over an ONNX file; `args` are those Triton gives to `initialize`."""
    provider = parameters.get("provider", "auto")
    on_cuda = wants_cuda(provider, args["model_instance_kind"])
    chosen = _providers(on_cuda, args["model_instance_device_id"])
    session = onnxruntime.InferenceSession(
        str(model), sess_options=_options(int(parameters.get("threads", "0"))), providers=chosen
    )
    if on_cuda and session.get_providers()[0] != CUDA:
        if provider == "cuda":
            raise RuntimeError(f"the parameter provider is cuda, but {NO_CUDA}")
        warn(f"the instance is on a GPU but runs on the CPU: {NO_CUDA}")
    return session


def wants_cuda(provider: str, instance_kind: str) -> bool:
    """Whether the configuration asks for CUDA, by name or by where Triton placed the instance."""
    if provider not in ("auto", "cpu", "cuda"):
        raise ValueError("the parameter provider must be auto, cpu or cuda")
    return provider == "cuda" or (provider == "auto" and instance_kind == "GPU")


def thread_count(asked: int, cpus: int) -> int:
    return asked if asked > 0 else min(4, cpus)


def _providers(on_cuda: bool, device_id: str) -> list:
    if not on_cuda or CUDA not in onnxruntime.get_available_providers():
        return [CPU]
    onnxruntime.preload_dlls()
    # Every picture has another shape, so an exhaustive search for the fastest convolution would never end.
    return [(CUDA, {"device_id": device_id, "cudnn_conv_algo_search": "HEURISTIC"}), CPU]


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # shapes vary, and an arena keeps the largest one for good
    options.intra_op_num_threads = thread_count(threads, len(os.sched_getaffinity(0)))
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle server uses no CPU
    return options
