import onnxruntime
import pytest
from onnx_session import CPU, open_session, thread_count, wants_cuda
from text_boxes import MODEL

ON_CPU = {"model_instance_kind": "CPU", "model_instance_device_id": "0"}
ON_GPU = {"model_instance_kind": "GPU", "model_instance_device_id": "0"}


@pytest.fixture(autouse=True)
def _only_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])


@pytest.mark.parametrize(
    ("provider", "kind", "cuda"),
    [
        ("auto", "GPU", True),
        ("auto", "CPU", False),
        ("cpu", "GPU", False),
        ("cuda", "CPU", True),
        ("cuda", "GPU", True),
    ],
)
def test_the_provider_follows_the_parameter_and_the_instance(provider: str, kind: str, cuda: bool) -> None:
    assert wants_cuda(provider, kind) is cuda


def test_an_unknown_provider_stops_the_load() -> None:
    with pytest.raises(ValueError, match=r"^the parameter provider must be auto, cpu or cuda$"):
        wants_cuda("rocm", "CPU")


def test_cuda_by_name_stops_the_load_where_there_is_none() -> None:
    with pytest.raises(RuntimeError, match=r"^the parameter provider is cuda, but onnxruntime offers no CUDA here"):
        open_session(MODEL, {"provider": "cuda"}, ON_CPU, pytest.fail)


def test_a_gpu_instance_without_cuda_says_so_and_runs_on_the_cpu() -> None:
    said: list[str] = []
    session = open_session(MODEL, {}, ON_GPU, said.append)
    assert session.get_providers() == [CPU]
    assert len(said) == 1
    assert said[0].startswith("the instance is on a GPU but runs on the CPU")


def test_a_cpu_instance_is_silent_and_does_not_spin() -> None:
    session = open_session(MODEL, {"threads": "1"}, ON_CPU, pytest.fail)
    options = session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize(("asked", "cpus", "threads"), [(0, 2, 2), (0, 64, 4), (1, 8, 1), (12, 16, 12)])
def test_threads_are_one_for_each_cpu_four_at_most_unless_asked_otherwise(asked: int, cpus: int, threads: int) -> None:
    assert thread_count(asked, cpus) == threads
