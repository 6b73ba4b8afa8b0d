import json

import pytest

from gateway.domain.nesting import too_deep


def depth_of(found: object) -> int:
    """As a decoder sees it."""
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return (1 if isinstance(found, dict | list) else 0) + max(map(depth_of, inner), default=0)


@pytest.mark.parametrize(
    "raw",
    [
        b"5",
        b"[]",
        b'{"a":[{"b":[[1],[2]]}],"c":{}}',
        b'["[[[[[[[[","]]]]",[["{{{{"]]]',
        b'["\\"[[[[[[[[",[1]]',
        b'["\\\\",[[1]],"\\\\\\"[[[[[["]',
        b'{"\\\\\\\\":["[",{"]":[]}]}',
        b"[[1],[2],[3],[4],[5],[6],[7,[8]]]",
        '{"größe":["[\U0001f600[",["ü"]]}'.encode(),
    ],
)
def test_the_depth_is_that_of_the_decoded_text_whatever_stands_in_its_strings(raw: bytes) -> None:
    depth = depth_of(json.loads(raw))
    assert not too_deep(raw, depth)
    assert depth == 0 or too_deep(raw, depth - 1)


@pytest.mark.parametrize("raw", [b"", b"]]]]", b"[[[", b'"', b'"\\', b'{"a', b"\xff[[\xff", b"}{" * 100])
def test_a_text_that_is_no_json_breaks_nothing(raw: bytes) -> None:
    assert too_deep(raw, 2) in {True, False}
