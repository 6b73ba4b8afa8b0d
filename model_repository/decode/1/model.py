"""Step `decode`: an encoded image file becomes RGB pixels, on the CPU.

IMAGE   BYTES [1]          the file as it came
PIXELS  UINT8 [H, W, 3]    RGB, upright, alpha on white

Parameter `max_pixels`: more than that in the header is refused before anything is decoded.
A refusal is INVALID_ARG, a sentence that begins with "decode: " and never repeats what was sent.
"""

import json

import triton_python_backend_utils as pb_utils
from encoded_image import MediaError, rgb_pixels
from PIL import Image

DEFAULT_MAX_PIXELS = "64000000"


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"])["parameters"]
        self.max_pixels = int(parameters.get("max_pixels", {}).get("string_value", DEFAULT_MAX_PIXELS))
        Image.init()

    def execute(self, requests: list) -> list:
        return [self._answer(request) for request in requests]

    def _answer(self, request: object) -> object:
        encoded = pb_utils.get_input_tensor_by_name(request, "IMAGE").as_numpy()[0]
        try:
            pixels = rgb_pixels(encoded, self.max_pixels)
        except MediaError as refusal:
            error = pb_utils.TritonError(f"decode: {refusal}", pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(output_tensors=[], error=error)
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("PIXELS", pixels)])
