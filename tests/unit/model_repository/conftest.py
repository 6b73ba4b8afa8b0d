"""The plain modules beside the steps import as Triton imports them: from the version folder of the model."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3] / "model_repository"
sys.path.extend(str(folder) for folder in sorted(REPOSITORY.glob("*/1")))
