"""Step `text_recognize`: reads the found lines with PP-OCRv6 and writes the observation of the page.

PIXELS       UINT8 [H, W, 3]    RGB
BOXES        FP32 [N, 4, 2]     corners (x, y) in pixels; N may be 0
OBSERVATION  BYTES [1]          one JSON object, UTF-8: documentPages, metaData, rawText

Parameters: `provider` and `threads` (see onnx_session.py), `batch`: lines read at once,
`min_confidence`: lines below it are left out. Nothing here is refused.
"""

import json

import numpy as np
import triton_python_backend_utils as pb_utils
from page_observation import observation

WARM_BOX = np.array([[[0, 0], [320, 0], [320, 48], [0, 48]]], np.float32)


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        # Slow to import, and Triton imports this file once more before, only to complete the config.
        from onnx_session import open_session
        from text_lines import MODEL, TextLines

        configured = json.loads(args["model_config"])["parameters"]
        parameters = {key: value["string_value"] for key, value in configured.items()}
        session = open_session(MODEL, parameters, args, pb_utils.Logger.log_warn)
        batch = int(parameters.get("batch", "6"))
        self.min_confidence = float(parameters.get("min_confidence", "0.5"))
        self.lines = TextLines(session, batch)
        self.lines.read(np.full((64, 320, 3), 255, np.uint8), WARM_BOX.repeat(batch, axis=0))

    def execute(self, requests: list) -> list:
        return [self._answer(request) for request in requests]

    def _answer(self, request: object) -> object:
        pixels = pb_utils.get_input_tensor_by_name(request, "PIXELS").as_numpy()
        boxes = pb_utils.get_input_tensor_by_name(request, "BOXES").as_numpy()
        height, width = pixels.shape[:2]
        found = observation(width, height, boxes, self.lines.read(pixels, boxes), self.min_confidence)
        tensor = pb_utils.Tensor("OBSERVATION", np.array([found], dtype=np.object_))
        return pb_utils.InferenceResponse(output_tensors=[tensor])
