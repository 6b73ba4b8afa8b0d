"""Step `text_detect`: finds lines of text with PP-OCRv6 (the ONNX file inside the rapidocr package).

PIXELS  UINT8 [H, W, 3]    RGB
BOXES   FP32 [N, 4, 2]     corners (x, y) in pixels, clockwise from the upper left; N is 0 on a blank page

Parameters: `provider` and `threads` (see onnx_session.py), `max_side`: to which larger pictures are
reduced for the search.
Nothing here is refused: what decode gives can be searched.
"""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        # Slow to import, and Triton imports this file once more before, only to complete the config.
        from onnx_session import open_session
        from text_boxes import MODEL, TextBoxes

        configured = json.loads(args["model_config"])["parameters"]
        parameters = {key: value["string_value"] for key, value in configured.items()}
        session = open_session(MODEL, parameters, args, pb_utils.Logger.log_warn)
        self.boxes = TextBoxes(session, int(parameters.get("max_side", "2000")))
        self.boxes.find(np.full((640, 960, 3), 255, np.uint8))  # the first call is by far the slowest

    def execute(self, requests: list) -> list:
        return [self._answer(request) for request in requests]

    def _answer(self, request: object) -> object:
        pixels = pb_utils.get_input_tensor_by_name(request, "PIXELS").as_numpy()
        boxes = pb_utils.Tensor("BOXES", self.boxes.find(pixels))
        return pb_utils.InferenceResponse(output_tensors=[boxes])
