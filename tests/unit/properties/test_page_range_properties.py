"""Page ranges: whatever is written, they are pages of the media in its order, or a refusal."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.page_range import PageRange
from gateway.errors import InvalidInput, MediaLimit, PageRangeEmpty

PAGE = st.integers(0, 40)
PARTS = st.lists(st.tuples(PAGE, PAGE).map(sorted).map(tuple), min_size=1, max_size=6)
BLANK = st.text(" \t\n", max_size=2)


@given(PARTS, st.integers(1, 30), st.data())
def test_a_range_is_the_pages_it_names_that_there_are_in_order(
    parts: list[tuple[int, int]], pages: int, drawn: st.DataObject
) -> None:
    def written(first: int, last: int) -> str:
        words = (str(first),) if first == last and drawn.draw(st.booleans()) else (str(first), "-", str(last))
        return "".join(drawn.draw(BLANK) + word + drawn.draw(BLANK) for word in words)

    text = ",".join(written(*part) for part in parts)
    wanted = sorted({page for first, last in parts for page in range(first, last + 1) if page < pages})
    named = {page for part in parts for page in part}
    assert PageRange.of(text).reaches_beyond(pages) == (max(named) >= pages)
    if wanted:
        assert PageRange.of(text).within(pages, most=len(wanted)) == tuple(wanted)
        with pytest.raises(MediaLimit):
            PageRange.of(text).within(pages, most=len(wanted) - 1)
    else:
        with pytest.raises(PageRangeEmpty):
            PageRange.of(text).within(pages)


@given(st.text(max_size=40) | st.text("0123456789-, \t", max_size=40), st.integers(0, 1000))
@example("0-", 3)
@example("-1", 3)
@example("3-1", 3)
@example("0,,1", 3)
@example("٣", 9)
@example("0-999999999", 5)
@example("0-9999999999", 5)
def test_any_text_is_a_range_or_is_refused(text: str, pages: int) -> None:
    try:
        found = PageRange.of(text).within(pages)
    except (InvalidInput, PageRangeEmpty, MediaLimit):
        return
    assert list(found) == sorted(set(found))
    assert all(0 <= page < pages for page in found)
