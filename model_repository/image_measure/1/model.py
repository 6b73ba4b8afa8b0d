"""Step `image_measure`: size, colour and average hash of a picture, on the CPU.

PIXELS       UINT8 [H, W, 3]    RGB
OBSERVATION  BYTES [1]          one JSON object, UTF-8: metaData, imageHash, colour (see image_figures.py)

Nothing here is refused: what decode gives can be measured.
"""

import numpy as np
import triton_python_backend_utils as pb_utils
from image_figures import figures


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002  Triton's signature
        figures(np.zeros((8, 8, 3), np.uint8))

    def execute(self, requests: list) -> list:
        return [self._answer(request) for request in requests]

    def _answer(self, request: object) -> object:
        pixels = pb_utils.get_input_tensor_by_name(request, "PIXELS").as_numpy()
        tensor = pb_utils.Tensor("OBSERVATION", np.array([figures(pixels)], dtype=np.object_))
        return pb_utils.InferenceResponse(output_tensors=[tensor])
