import json
from typing import Any

from gateway.core.pages import Page, Warned, entry_content
from gateway.domain.runs import RunError


def page(number: int, **fields: object) -> Page:
    return Page(number, json.dumps(fields, separators=(",", ":")).encode())


def made(*pages: Page, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry_content(pages, **options))
    return found


def test_what_was_found_in_a_media_that_went_as_it_came_is_not_touched() -> None:
    content = b'{ "documentPages": [{"page": 7}],  "x": 1e3 }'
    assert entry_content([Page(0, content)], numbered=False) is content


def test_document_pages_of_all_pages_stand_in_a_row_under_their_own_numbers() -> None:
    entry = made(
        page(1, documentPages=[{"page": 1, "document": {"a": 1}}]),
        page(4, documentPages=[{"document": {"b": 2}}, {"page": 9}]),
    )
    assert entry == {
        "documentPages": [{"page": 2, "document": {"a": 1}}, {"document": {"b": 2}, "page": 5}, {"page": 5}]
    }


def test_codes_stand_in_a_row_and_all_else_under_its_page() -> None:
    entry = made(
        page(0, codes=[{"t": 1}], rawText="one", imageHash="a"), page(1, codes=[], rawText="two"), page(2, codes=[2])
    )
    assert entry == {
        "codes": [{"t": 1}, 2],
        "pages": [{"page": 1, "rawText": "one", "imageHash": "a"}, {"page": 2, "rawText": "two"}],
    }


def test_a_page_alone_keeps_its_fields_where_they_were() -> None:
    entry = entry_content([Page(3, b'{"rawText":"x","documentPages":[{"page":1,"n":1.50}],"codes":[]}')])
    assert entry == b'{"rawText":"x","documentPages":[{"page":4,"n":1.50}],"codes":[]}'


def test_what_a_model_said_is_spliced_and_not_encoded_anew() -> None:
    inner = b'{"n":1.500,"big":12345678901234567890.0,"t":"\\u00e9","l":[ 1 , 2 ]}'
    contents = [b'{"documentPages":[{"page":%d,"document":%b}],"more":%b}' % (n, inner, inner) for n in (1, 2)]
    assert entry_content([Page(n, content) for n, content in enumerate(contents)]).count(inner) == 4


def test_a_page_that_failed_is_listed_and_takes_nothing_from_the_others() -> None:
    error = RunError("media.unreadable", "It is damaged.", "media[0]")
    entry = made(page(0, documentPages=[{}]), Page(1, error=error), page(2, documentPages=[{}]))
    assert [each["page"] for each in entry["documentPages"]] == [1, 3]
    assert entry["errors"] == [{"page": 2, "code": "media.unreadable", "message": "It is damaged."}]


def test_text_and_warnings_stand_beside_what_the_model_found() -> None:
    warnings = [Warned("media.page_range_clipped", "Beyond.")]
    entry = made(page(0, label={"name": "a"}), text="words", warnings=warnings, numbered=False)
    assert entry == {
        "label": {"name": "a"},
        "rawText": "words",
        "warnings": [{"code": "media.page_range_clipped", "message": "Beyond."}],
    }


def test_no_field_of_a_model_hides_one_of_the_gateway_or_is_hidden() -> None:
    entry = made(page(0, rawText="read", documentPages=[{"page": 1}]), text="stands there")
    assert entry == {
        "rawText": "stands there",
        "documentPages": [{"page": 1}],
        "pages": [{"page": 1, "rawText": "read"}],
    }


def test_a_field_of_another_form_than_expected_stays_with_its_page() -> None:
    entry = made(page(0, documentPages={"a": 1}, codes=None, page="mine"), page(1, documentPages=["x"]))
    assert entry == {"documentPages": ["x"], "pages": [{"page": 1, "documentPages": {"a": 1}, "codes": None}]}


def test_text_alone_makes_an_entry() -> None:
    assert made(text="words") == {"rawText": "words"}
    assert made(text="") == {"rawText": ""}


def test_pages_in_which_nothing_was_found_make_an_empty_entry() -> None:
    assert made(page(0), page(1)) == {}
