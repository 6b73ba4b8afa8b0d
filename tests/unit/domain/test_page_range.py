import pytest

from gateway.domain.page_range import PageRange
from gateway.errors import InvalidInput, MediaLimit, PageRangeEmpty
from gateway.limits import MAX_PAGE_RANGE_CHARACTERS, MAX_PAGES_PER_MEDIA


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("0", (0,)),
        ("0-5,10", (0, 1, 2, 3, 4, 5, 10)),
        (" 3 - 4 ,\t1\n", (1, 3, 4)),
        ("7,3,7,1-3,2", (1, 2, 3, 7)),
        ("5-5", (5,)),
        ("0000003", (3,)),
        ("11-999999999", (11,)),
        ("0-11", tuple(range(12))),
    ],
)
def test_a_range_names_pages_in_the_order_of_the_media_each_once(text: str, pages: tuple[int, ...]) -> None:
    assert PageRange.of(text).within(12) == pages


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", "1,", ",1", "1,,2", "-1", "+1", "1-", "1--2", "2-1", "a", "1 2", "1.5", "0x1", "1–2", "١", "²",
     "1;2", "1234567890", "0-1234567890", "1_0", "1\0", "1\v", "1\u00a0"],
)  # fmt: skip
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        PageRange.of(text, "media[2].pageRange")
    assert refused.value.field == "media[2].pageRange"


def test_a_range_may_only_be_so_long() -> None:
    longest = "1" + " " * (MAX_PAGE_RANGE_CHARACTERS - 1)
    assert PageRange.of(longest).within(2) == (1,)
    with pytest.raises(InvalidInput, match=str(MAX_PAGE_RANGE_CHARACTERS)):
        PageRange.of(longest + " ")


@pytest.mark.parametrize("text", ["3", "3-9", "100,5"])
def test_a_range_of_which_nothing_is_left_is_refused(text: str) -> None:
    with pytest.raises(PageRangeEmpty):
        PageRange.of(text).within(3)


def test_it_is_known_whether_a_range_reaches_beyond_the_end() -> None:
    assert PageRange.of("1-3").reaches_beyond(3)
    assert not PageRange.of("0-2").reaches_beyond(3)
    assert not PageRange().reaches_beyond(3)


def test_no_range_is_all_pages() -> None:
    assert PageRange().within(3) == (0, 1, 2)


@pytest.mark.parametrize(("pages", "text"), [(2**31, None), (2**31, "0-999999999"), (5, "0-3"), (5, "0,2-4")])
def test_of_one_media_only_so_many_pages_are_run_on(pages: int, text: str | None) -> None:
    wanted = PageRange() if text is None else PageRange.of(text)
    with pytest.raises(MediaLimit, match="at most 3 pages"):
        wanted.within(pages, 3)


@pytest.mark.parametrize("count", [MAX_PAGES_PER_MEDIA - 1, MAX_PAGES_PER_MEDIA])
def test_a_media_may_have_as_many_pages_as_the_limit_says(count: int) -> None:
    assert len(PageRange().within(count)) == count
    with pytest.raises(MediaLimit):
        PageRange().within(MAX_PAGES_PER_MEDIA + 1)


def test_parts_that_overlap_are_counted_once() -> None:
    assert PageRange.of("0-2,1-2,2,0-1").within(100, 3) == (0, 1, 2)
