"""An observation of one page from its lines of text, in the words callers know; pure, only numpy.

All coordinates are relative to the picture, 0..1. Lines stand in reading order: top to bottom, left to right.
"""

import json
from collections.abc import Sequence

import numpy as np

DIGITS = 5


def observation(
    width: int, height: int, boxes: np.ndarray, lines: Sequence[tuple[str, float]], min_confidence: float
) -> bytes:
    """The JSON of one picture, UTF-8: its page with one entity for each line, its size, and its text alone."""
    order = [i for i in reading_order(boxes) if lines[i][0] and lines[i][1] >= min_confidence]
    entities = [entity(number, *lines[i], relative(boxes[i], width, height)) for number, i in enumerate(order, start=1)]
    found = {
        "documentPages": [{"page": 1, "document": {"entities": entities}}],
        "metaData": {"width": width, "height": height},
        "rawText": "\n".join(lines[i][0] for i in order),
    }
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def entity(number: int, text: str, confidence: float, points: Sequence[tuple[float, float]]) -> dict:
    geometry = {"boundingBox": bounding_box(points), "polygon": {"points": [{"x": x, "y": y} for x, y in points]}}
    return {
        "id": f"entity-{number}",
        "block": {"text": text, "geometry": geometry},
        "confidence": round(confidence, 4),
        "layoutType": "LINE",
    }


def relative(box: np.ndarray, width: int, height: int) -> list[tuple[float, float]]:
    """The corners of a box in pixels as fractions of the picture, never outside it."""
    fractions = np.clip(np.asarray(box, np.float64) / (width, height), 0.0, 1.0)
    return [(round(float(x), DIGITS), round(float(y), DIGITS)) for x, y in fractions]


def bounding_box(points: Sequence[tuple[float, float]]) -> dict[str, float]:
    xs, ys = zip(*points, strict=True)
    left, top = min(xs), min(ys)
    return {
        "left": left,
        "top": top,
        "width": round(max(xs) - left, DIGITS),
        "height": round(max(ys) - top, DIGITS),
    }


def reading_order(boxes: np.ndarray) -> list[int]:
    """Indices of the boxes by row, then from left to right.

    A box belongs to the row of the box above it when its middle lies within that one's height.
    """
    if len(boxes) == 0:
        return []
    lefts, tops, bottoms = boxes[:, :, 0].min(axis=1), boxes[:, :, 1].min(axis=1), boxes[:, :, 1].max(axis=1)
    middles = (tops + bottoms) / 2
    rows: list[list[int]] = []
    for i in (int(i) for i in np.argsort(middles, kind="stable")):
        if rows and middles[i] < bottoms[rows[-1][0]]:
            rows[-1].append(i)
        else:
            rows.append([i])
    return [i for row in rows for i in sorted(row, key=lambda i: lefts[i])]
