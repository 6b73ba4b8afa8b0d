"""Where text stands in a picture: rapidocr's TextDetector, given pictures of a bounded size.

In: UINT8 [H, W, 3] RGB. Out: FP32 [N, 4, 2], quadrilaterals in pixels (x, y), clockwise from the upper left corner,
inside the picture; N is 0 where there is no text.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import rapidocr
from omegaconf import OmegaConf
from rapidocr.ch_ppocr_det import TextDetector
from rapidocr.utils.log import logger
from rapidocr.utils.parse_parameters import ParseParams

PACKAGE = Path(rapidocr.__file__).parent
MODEL = PACKAGE / "models" / "PP-OCRv6_det_small.onnx"
SHORT_SIDE = 736  # small pictures are enlarged to this: the size the network was made for
MARGIN = 32  # a strip as high as its text gives the network no background to tell it from


class TextBoxes:
    """Finds text, in a session of onnxruntime that the caller opened."""

    def __init__(self, session: onnxruntime.InferenceSession, max_side: int) -> None:
        logger.setLevel("ERROR")
        self.max_side = max_side
        defaults = ParseParams.load(PACKAGE / "config.yaml").Det
        own = {"session": session, "limit_type": "max", "limit_side_len": max_side}
        self.detector = TextDetector(OmegaConf.create({**defaults, **own}, flags={"allow_objects": True}))

    def find(self, pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        margin = MARGIN if min(height, width) < 2 * MARGIN else 0
        ratio = scale(height + 2 * margin, width + 2 * margin, self.max_side)
        boxes = self.detector(_prepared(pixels, margin, ratio)).boxes
        if boxes is None:
            return np.zeros((0, 4, 2), np.float32)
        return inside(np.asarray(boxes, np.float32) / ratio - margin, height, width)


def scale(height: int, width: int, max_side: int) -> float:
    """By how much to resize: short sides up to what the network likes, long sides never past the limit."""
    return min(max(1.0, SHORT_SIDE / min(height, width)), max_side / max(height, width))


def inside(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes cut to the picture; those that have nothing left of it are dropped."""
    cut = np.clip(boxes, 0, np.array([width, height], np.float32))
    extent = cut.max(axis=1) - cut.min(axis=1)
    return np.ascontiguousarray(cut[(extent >= 1).all(axis=1)], dtype=np.float32)


def _prepared(pixels: np.ndarray, margin: int, ratio: float) -> np.ndarray:
    """The picture as the network wants it: with a margin where it is thin, resized, BGR."""
    picture = pixels
    if margin:
        picture = cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    if ratio != 1.0:
        size = max(1, round(picture.shape[1] * ratio)), max(1, round(picture.shape[0] * ratio))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
