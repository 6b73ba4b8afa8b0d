"""Documents of several pages, through the pipeline that reads text, over both doors and in the background."""

import base64
import io
import json
from typing import Any

import grpc
import httpx
import pytest
from PIL import Image

from documents import encoded, page, pdf, tiff, word
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

WORDS = ["ONE", "TWO", "THREE", "FOUR", "FIVE"]
PDF = pdf(WORDS)
TIFF = tiff(WORDS[:3])


def body(*media: bytes, **fields: object) -> dict[str, object]:
    return {"media": [base64.b64encode(each).decode() for each in media], "timeout": 120} | fields


def observed(rest: httpx.Client, *media: bytes, **fields: object) -> list[dict[str, Any]]:
    answer = rest.post("/v1/pipelines/ocr/executeSync", json=body(*media, **fields))
    assert answer.status_code == 200, answer.text
    contents: list[dict[str, Any]] = answer.json()["mediaContents"]
    return contents


def words(entry: dict[str, Any]) -> dict[int, str]:
    """What stands on each page."""
    return {
        each["page"]: " ".join(entity["block"]["text"] for entity in each["document"]["entities"])
        for each in entry["documentPages"]
    }


def refused(rest: httpx.Client, *media: bytes, **fields: object) -> tuple[int, str, str | None]:
    answer = rest.post("/v1/pipelines/ocr/executeSync", json=body(*media, **fields))
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("field")


def ended(rest: httpx.Client, run_id: str) -> dict[str, Any]:
    """The run, when it has ended."""
    run: dict[str, Any] = {"done": False}
    while not run["done"]:
        run = rest.get(f"/v1/runs/{run_id}", params={"wait": 60}).json()
    return run


def test_a_pdf_of_five_pages_makes_one_entry_with_a_documentpage_for_each(rest: httpx.Client) -> None:
    (entry,) = observed(rest, PDF)
    assert words(entry) == dict(enumerate(WORDS, 1))
    assert [each["page"] for each in entry["pages"]] == [1, 2, 3, 4, 5]
    assert [each["rawText"] for each in entry["pages"]] == WORDS
    assert "errors" not in entry
    assert "warnings" not in entry


def test_frames_of_a_tiff_are_pages_and_media_keep_their_order(rest: httpx.Client) -> None:
    first, second = observed(rest, TIFF, encoded(page("ALONE"), "PNG"))
    assert words(first) == {1: "ONE", 2: "TWO", 3: "THREE"}
    assert words(second) == {1: "ALONE"}
    assert "pages" not in second
    assert (first["mediaId"], second["mediaId"]) == ("media-1", "media-2")


def test_a_page_range_keeps_the_numbers_of_the_whole_document(rest: httpx.Client) -> None:
    (entry,) = observed(rest, PDF, pageRange=" 4, 1-2 ,1")
    assert words(entry) == {2: "TWO", 3: "THREE", 5: "FIVE"}
    (alone,) = observed(rest, PDF, pageRange="3")
    assert words(alone) == {4: "FOUR"}
    assert alone["rawText"] == "FOUR"


def test_a_page_range_beyond_the_end_is_clipped_with_a_warning(rest: httpx.Client) -> None:
    (entry,) = observed(rest, PDF, pageRange="4-9")
    assert words(entry) == {5: "FIVE"}
    assert [each["code"] for each in entry["warnings"]] == ["media.page_range_clipped"]


@pytest.mark.parametrize(
    ("pages", "refusal"),
    [
        ("5-9", (422, "media.page_range_empty", "media[0]")),
        ("2-1", (422, "input.invalid", "pageRange")),
        ("-1", (422, "input.invalid", "pageRange")),
        ("", (422, "input.invalid", "pageRange")),
    ],
)
def test_a_page_range_that_leaves_nothing_or_is_none_is_refused(
    rest: httpx.Client, pages: str, refusal: tuple[int, str, str | None]
) -> None:
    assert refused(rest, PDF, pageRange=pages) == refusal


def test_the_same_over_grpc(channel: grpc.Channel) -> None:
    request = pipelines_pb2.ExecuteSyncRequest(
        pipeline_id="ocr", media=[media_pb2.Media(data=PDF), media_pb2.Media(data=TIFF)], page_range="1-2"
    )
    answer = pipelines_pb2_grpc.PipelinesStub(channel).ExecuteSync(request, timeout=120)
    first, second = json.loads(answer.observation)["mediaContents"]
    assert words(first) == words(second) == {2: "TWO", 3: "THREE"}


def test_the_same_in_the_background(rest: httpx.Client) -> None:
    accepted = rest.post("/v1/pipelines/ocr/executeAsync", json=body(PDF, TIFF, pageRange="1,2")).json()
    assert ended(rest, accepted["runId"])["state"] == "completed"
    first, second = rest.get(f"/v1/executions/{accepted['executionId']}/observation").json()["mediaContents"]
    assert words(first) == words(second) == {2: "TWO", 3: "THREE"}


def test_the_text_of_an_office_document_stands_alone_where_the_pipeline_takes_images(rest: httpx.Client) -> None:
    (entry,) = observed(rest, word("Dear all", "goodbye"), trySimpleText=True)
    assert entry["rawText"] == "Dear all\ngoodbye\nleft\tright"
    assert "documentPages" not in entry
    assert refused(rest, word("Dear all"))[:2] == (415, "media.unsupported")


def test_a_photograph_is_upright_before_it_is_read(rest: httpx.Client) -> None:
    exif = page("UPRIGHT").getexif()
    exif[0x0112] = 6
    photograph = encoded(page("UPRIGHT").rotate(90, expand=True), "JPEG", exif=exif, quality=95)
    for fields in ({}, {"tryImageConversion": True}):
        (entry,) = observed(rest, photograph, **fields)
        assert words(entry) == {1: "UPRIGHT"}


def test_a_run_of_which_a_page_fails_is_completed_with_errors_and_names_the_page(rest: httpx.Client) -> None:
    accepted = rest.post("/v1/pipelines/ocr/executeAsync", json=body(damaged_tiff())).json()
    run = ended(rest, accepted["runId"])
    assert run["state"] == "completed_with_errors"
    (entry,) = rest.get(f"/v1/executions/{accepted['executionId']}/observation").json()["mediaContents"]
    assert words(entry) == {1: "ONE", 3: "THREE"}
    assert [(each["page"], each["code"]) for each in entry["errors"]] == [(2, "media.unreadable")]
    assert rest.get(f"/v1/executions/{accepted['executionId']}").json()["status"] == "COMPLETED_WITH_ERRORS"


def damaged_tiff() -> bytes:
    """A TIFF whose second frame cannot be unpacked."""
    with Image.open(io.BytesIO(TIFF)) as image:
        image.seek(1)
        at, length = image.tag_v2[273][0], image.tag_v2[279][0]
    return TIFF[:at] + b"\xff" * length + TIFF[at + length :]
