import json

import numpy as np
from image_figures import average_hash, figures
from PIL import Image


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def test_colour_figures_are_those_of_numpy() -> None:
    pixels = noise(37, 53)
    found = json.loads(figures(pixels))
    assert found["metaData"] == {"width": 53, "height": 37}
    assert np.allclose(found["colour"]["mean"], pixels.reshape(-1, 3).mean(axis=0), atol=1e-4)
    assert np.allclose(found["colour"]["deviation"], pixels.reshape(-1, 3).std(axis=0), atol=1e-4)


def test_the_hash_has_one_bit_for_each_area_from_the_upper_left() -> None:
    picture = Image.new("RGB", (80, 80), "black")
    picture.paste("white", (0, 0, 10, 10))
    picture.paste("white", (70, 70, 80, 80))
    assert average_hash(picture) == "8000000000000001"


def test_the_hash_is_the_mean_of_each_area_against_the_mean_of_all() -> None:
    gray = np.random.default_rng(5).integers(0, 256, (64, 96), np.uint8)
    areas = np.rint(gray.reshape(8, 8, 8, 12).mean(axis=(1, 3)))
    bits = "".join("1" if area > areas.mean() else "0" for area in areas.ravel())
    assert average_hash(Image.fromarray(gray).convert("RGB")) == f"{int(bits, 2):016x}"


def test_the_hash_does_not_change_with_the_size() -> None:
    blocks = Image.fromarray(noise(8, 8))
    small, large = (blocks.resize(size, Image.Resampling.NEAREST) for size in ((64, 64), (640, 480)))
    assert average_hash(small) == average_hash(large)


def test_a_plain_picture_and_a_single_pixel_have_figures_too() -> None:
    found = json.loads(figures(np.full((1, 1, 3), 7, np.uint8)))
    assert found["imageHash"] == "0000000000000000"
    assert found["colour"] == {"mean": [7.0, 7.0, 7.0], "deviation": [0.0, 0.0, 0.0]}
