"""Where the tests find things."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODEL_REPOSITORY = ROOT / "model_repository"
DOCUMENTS = ROOT / "examples" / "documents"


@dataclass(frozen=True)
class TritonAddress:
    """Where the embedded Triton answers, each as host:port."""

    http: str
    grpc: str
