"""Step `image_shrink`: a small copy of a picture, on the CPU.

PIXELS       UINT8 [H, W, 3]    RGB
OBSERVATION  BYTES [1]          one JSON object, UTF-8: metaData with width and height of the picture itself
THUMBNAIL    BYTES [1]          a PNG (see small_copy.py)

Parameter `longest_side` (256): pixels of the longer side of the copy. Nothing here is refused: what decode gives can
be shrunk.
"""

import json

import numpy as np
import triton_python_backend_utils as pb_utils
from small_copy import observation, thumbnail


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"])["parameters"]
        self._longest_side = int(parameters["longest_side"]["string_value"])
        thumbnail(np.zeros((8, 8, 3), np.uint8), self._longest_side)

    def execute(self, requests: list) -> list:
        return [self._answer(request) for request in requests]

    def _answer(self, request: object) -> object:
        pixels = pb_utils.get_input_tensor_by_name(request, "PIXELS").as_numpy()
        made = {"OBSERVATION": observation(pixels), "THUMBNAIL": thumbnail(pixels, self._longest_side)}
        tensors = [pb_utils.Tensor(name, np.array([data], dtype=np.object_)) for name, data in made.items()]
        return pb_utils.InferenceResponse(output_tensors=tensors)
