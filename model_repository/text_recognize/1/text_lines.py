"""What the found lines say: rapidocr's TextRecognizer over the cut-out boxes, in batches.

In: UINT8 [H, W, 3] RGB and FP32 [N, 4, 2] boxes in pixels. Out: one (text, confidence 0..1) for each box, in order;
an empty text where nothing could be read.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import rapidocr
from omegaconf import OmegaConf
from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
from rapidocr.utils.log import logger
from rapidocr.utils.parse_parameters import ParseParams
from rapidocr.utils.process_img import get_rotate_crop_image

PACKAGE = Path(rapidocr.__file__).parent
MODEL = PACKAGE / "models" / "PP-OCRv6_rec_small.onnx"
MAX_RATIO = 60  # width over height of a line, some 200 characters; longer ones are squeezed, for memory grows with it


class TextLines:
    """Reads lines, in a session of onnxruntime that the caller opened."""

    def __init__(self, session: onnxruntime.InferenceSession, batch: int) -> None:
        logger.setLevel("ERROR")
        defaults = ParseParams.load(PACKAGE / "config.yaml").Rec
        own = {"session": session, "rec_batch_num": batch, "font_path": None}
        self.recognizer = TextRecognizer(OmegaConf.create({**defaults, **own}, flags={"allow_objects": True}))

    def read(self, pixels: np.ndarray, boxes: np.ndarray) -> list[tuple[str, float]]:
        if len(boxes) == 0:
            return []
        found = self.recognizer(TextRecInput(img=[cut_out(pixels, box) for box in boxes]))
        return [(text.strip(), float(score)) for text, score in zip(found.txts, found.scores, strict=True)]


def cut_out(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The box as an upright strip in BGR; the network reads lines, so upright boxes are turned on their side."""
    corners = np.asarray(box, np.float32)
    if min(_extent(corners)) < 1:
        return np.full((48, 48, 3), 255, np.uint8)
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 3
    near = np.ascontiguousarray(pixels[top:bottom, left:right, ::-1])
    strip = get_rotate_crop_image(near, corners - np.array([left, top], np.float32))
    height, width = strip.shape[:2]
    return strip if width <= MAX_RATIO * height else cv2.resize(strip, (MAX_RATIO * height, height))


def _extent(corners: np.ndarray) -> tuple[float, float]:
    """Width and height of a quadrilateral, as the cut-out measures them."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return float(max(sides[0], sides[2])), float(max(sides[1], sides[3]))
