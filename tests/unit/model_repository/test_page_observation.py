import json

import numpy as np
import pytest
from page_observation import bounding_box, observation, reading_order, relative

ADDED_BY_THE_GATEWAY = {"id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"}


def box(left: float, top: float, width: float, height: float) -> np.ndarray:
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def test_corners_are_fractions_of_the_picture() -> None:
    assert relative(box(20, 10, 100, 30), 200, 100) == [(0.1, 0.1), (0.6, 0.1), (0.6, 0.4), (0.1, 0.4)]


def test_corners_outside_the_picture_are_moved_to_its_edge() -> None:
    corners = relative(box(-5, -5, 300, 300), 200, 100)
    assert corners == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def test_a_bounding_box_holds_a_slanted_quadrilateral() -> None:
    corners = [(0.1, 0.2), (0.5, 0.1), (0.6, 0.3), (0.2, 0.4)]
    assert bounding_box(corners) == {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.3}


def test_lines_are_read_top_to_bottom_and_left_to_right() -> None:
    below, right, left = box(0, 100, 50, 20), box(200, 3, 50, 20), box(0, 0, 50, 20)
    assert reading_order(np.stack([below, right, left])) == [2, 1, 0]


def test_a_small_word_beside_a_tall_one_is_in_its_row() -> None:
    small_right, tall_left = box(200, 25, 40, 10), box(0, 0, 150, 40)
    assert reading_order(np.stack([small_right, tall_left])) == [1, 0]


def test_close_rows_stay_apart() -> None:
    rows = np.stack([box(300, 0, 50, 20), box(0, 21, 50, 20), box(0, 42, 50, 20), box(300, 43, 50, 20)])
    assert reading_order(rows) == [0, 1, 2, 3]


def test_no_boxes_have_no_order() -> None:
    assert reading_order(np.zeros((0, 4, 2), np.float32)) == []


def test_a_page_without_text_is_an_empty_document() -> None:
    found = json.loads(observation(600, 800, np.zeros((0, 4, 2), np.float32), [], 0.5))
    assert found == {
        "documentPages": [{"page": 1, "document": {"entities": []}}],
        "metaData": {"width": 600, "height": 800},
        "rawText": "",
    }


def test_a_line_becomes_one_entity_in_the_words_of_the_contract() -> None:
    found = json.loads(observation(200, 100, np.stack([box(20, 10, 100, 30)]), [("Ünïque 12", 0.98765432)], 0.5))
    assert found["rawText"] == "Ünïque 12"
    assert found["documentPages"][0]["document"]["entities"] == [
        {
            "id": "entity-1",
            "block": {
                "text": "Ünïque 12",
                "geometry": {
                    "boundingBox": {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.3},
                    "polygon": {
                        "points": [
                            {"x": 0.1, "y": 0.1},
                            {"x": 0.6, "y": 0.1},
                            {"x": 0.6, "y": 0.4},
                            {"x": 0.1, "y": 0.4},
                        ]
                    },
                },
            },
            "confidence": 0.9877,
            "layoutType": "LINE",
        }
    ]
    assert not ADDED_BY_THE_GATEWAY & found.keys()


def test_unsure_and_empty_lines_are_left_out_and_the_rest_numbered_without_gaps() -> None:
    boxes = np.stack([box(0, top, 50, 10) for top in (0, 20, 40, 60)])
    lines = [("first", 0.9), ("unsure", 0.49), ("", 0.99), ("last", 0.5)]
    found = json.loads(observation(100, 100, boxes, lines, 0.5))
    entities = found["documentPages"][0]["document"]["entities"]
    assert [(e["id"], e["block"]["text"]) for e in entities] == [("entity-1", "first"), ("entity-2", "last")]
    assert found["rawText"] == "first\nlast"


@pytest.mark.parametrize("text", ['say "this"', "back\\slash", "日本語", "line\u2028separator"])
def test_any_text_survives_as_utf_8_json(text: str) -> None:
    found = observation(10, 10, np.stack([box(0, 0, 5, 5)]), [(text, 1.0)], 0.5)
    assert json.loads(found.decode("utf-8"))["rawText"] == text
