import numpy as np
import pytest
from text_boxes import inside, scale
from text_lines import MAX_RATIO, cut_out

MAX_SIDE = 2000


@pytest.mark.parametrize(
    ("height", "width", "ratio"),
    [(736, 900, 1.0), (368, 400, 2.0), (4000, 3000, 0.5), (100, 1000, 2.0), (64, 4000, 0.5)],
)
def test_small_pictures_grow_and_large_ones_shrink_but_never_past_the_limit(
    height: int, width: int, ratio: float
) -> None:
    assert scale(height, width, MAX_SIDE) == pytest.approx(ratio)
    assert max(height, width) * scale(height, width, MAX_SIDE) <= MAX_SIDE


def test_boxes_are_cut_to_the_picture_and_those_outside_it_dropped() -> None:
    over_the_edge = [[-4, -4], [10, -4], [10, 6], [-4, 6]]
    outside = [[-9, -9], [-2, -9], [-2, -2], [-9, -2]]
    kept = inside(np.array([over_the_edge, outside], np.float32), 20, 30)
    assert kept.tolist() == [[[0, 0], [10, 0], [10, 6], [0, 6]]]
    assert kept.dtype == np.float32


def test_a_box_is_cut_out_with_its_channels_turned_for_the_network() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 5:35] = (200, 100, 50)
    strip = cut_out(pixels, np.array([[5, 10], [35, 10], [35, 20], [5, 20]]))
    assert strip.shape == (10, 30, 3)
    assert strip[5, 15].tolist() == [50, 100, 200]


def test_an_upright_box_is_turned_on_its_side() -> None:
    strip = cut_out(np.zeros((60, 40, 3), np.uint8), np.array([[5, 5], [15, 5], [15, 55], [5, 55]]))
    assert strip.shape == (10, 50, 3)


def test_an_endless_line_is_squeezed_so_that_memory_stays_bounded() -> None:
    strip = cut_out(np.zeros((4, 3000, 3), np.uint8), np.array([[0, 0], [3000, 0], [3000, 4], [0, 4]]))
    assert strip.shape[1] == MAX_RATIO * strip.shape[0]


def test_a_box_without_extent_is_a_blank_strip() -> None:
    strip = cut_out(np.zeros((40, 60, 3), np.uint8), np.full((4, 2), 7.0))
    assert strip.min() == 255
