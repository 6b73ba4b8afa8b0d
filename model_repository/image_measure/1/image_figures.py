"""Figures of a picture: size, colour and an average hash; knows Pillow, nothing of Triton.

In: UINT8 [H, W, 3] RGB. Out: JSON, UTF-8. Mean and deviation (of the population) are of all pixels, 0..255, red, green,
blue. `imageHash` is the average hash (aHash): luma reduced to 8×8 areas, each its mean; one bit for each area, row by
row from the upper left, set where it is brighter than the mean of all 64; 16 hexadecimal digits, first area first.
"""

import json

import numpy as np
from PIL import Image

LEVELS = np.arange(256, dtype=np.float64)


def figures(pixels: np.ndarray) -> bytes:
    """The observation of a picture, as JSON."""
    image = Image.fromarray(pixels)
    mean, deviation = colour(image)
    found = {
        "metaData": {"width": image.width, "height": image.height},
        "imageHash": average_hash(image),
        "colour": {"mean": mean, "deviation": deviation},
    }
    return json.dumps(found, separators=(",", ":")).encode()


def colour(image: Image.Image) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel, exact, from its histogram."""
    counts = np.array(image.histogram(), np.float64).reshape(3, 256)
    total = image.width * image.height
    means = counts @ LEVELS / total
    variances = (counts * (LEVELS - means[:, None]) ** 2).sum(axis=1) / total
    return [round(float(m), 4) for m in means], [round(float(v) ** 0.5, 4) for v in variances]


def average_hash(image: Image.Image) -> str:
    areas = np.asarray(image.convert("L").resize((8, 8), Image.Resampling.BOX), np.float64)
    return np.packbits(areas > areas.mean()).tobytes().hex()
