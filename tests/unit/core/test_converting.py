import asyncio
import json
from typing import Any

import msgspec
import pytest

from gateway.domain.access import ANYONE
from gateway.domain.calls import Call
from gateway.domain.conversion import Shape
from gateway.domain.media import Media
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.domain.runs import RunState
from gateway.domain.tensors import Value
from gateway.errors import (
    GatewayError,
    InvalidInput,
    MediaLimit,
    MediaUnreadable,
    MediaUnsupported,
    PageRangeEmpty,
    TritonFailed,
    TritonUnavailable,
)
from gateway.limits import MEDIA_IN_PARALLEL
from gateway.ports import Dispatch, DueRun, Inference
from unit.fakes import Gateway, call, gateway, media_of, pipeline, text

PDF, TIFF, JPEG, GIF = b"%PDF-1.7\n", b"II*\0", b"\xff\xd8\xff\xe0", b"GIF89a"
WORD = b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml word/document.xml"
PICTURES = pipeline(image_conversion=True)
MEDIA = Input("IMAGE", "BYTES", (1,), InputRole.MEDIA)
TEXT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT)


async def echo(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
    """Says what it was given, as a page."""
    said = {each.name: (each.only_element() or bytes(each.data)).decode("latin-1") for each in inference.inputs}
    return [text("OBSERVATION", json.dumps({"documentPages": [{"page": 1, "given": said}]}).encode())]


async def built(of: Pipeline = PICTURES, shape: Shape | None = None, **options: Any) -> Gateway:
    made = await gateway(of, answer=options.pop("answer", echo), **options)
    made.reader.shape = shape or Shape(1)
    return made


async def entries(made: Gateway, *media: bytes, **fields: object) -> list[dict[str, Any]]:
    return await of(made, call(*media, **fields))


async def of(made: Gateway, asked: Call) -> list[dict[str, Any]]:
    outcome = await made.runs.execute_sync(ANYONE, asked)
    found: list[dict[str, Any]] = json.loads(outcome.observation)["mediaContents"]
    return found


def seen(entry: dict[str, Any]) -> dict[int, str]:
    """What Triton was given for each page."""
    return {each["page"]: each["given"]["IMAGE"] for each in entry["documentPages"]}


async def refused(made: Gateway, *media: bytes, **fields: object) -> GatewayError:
    with pytest.raises(GatewayError) as failure:
        await entries(made, *media, **fields)
    return failure.value


@pytest.mark.parametrize("media", [PDF, TIFF])
async def test_every_page_is_an_inference_and_all_make_one_entry(media: bytes) -> None:
    made = await built(shape=Shape(3))
    (entry,) = await entries(made, media)
    assert seen(entry) == {1: "page 0", 2: "page 1", 3: "page 2"}
    names = [each.request_id for each in made.engine.asked]
    assert len(set(names)) == 3


async def test_a_call_may_ask_for_conversion_where_the_pipeline_does_not() -> None:
    made = await built(pipeline(), Shape(2))
    (entry,) = await entries(made, PDF)
    assert (seen(entry), made.reader.opens) == ({1: PDF.decode()}, [])
    (entry,) = await entries(made, PDF, image_conversion=True)
    assert seen(entry) == {1: "page 0", 2: "page 1"}


async def test_a_tiff_of_one_frame_and_images_go_as_they_came() -> None:
    made = await built()
    for media in (TIFF, JPEG, GIF, b"whatever"):
        assert seen((await entries(made, media))[0]) == {1: media.decode("latin-1")}
    assert made.reader.opens == ["image/tiff"]


async def test_an_image_on_its_side_is_turned_where_a_call_asks_for_conversion() -> None:
    made = await built(shape=Shape(1, 3, 2, turned=True))
    assert seen((await entries(made, JPEG))[0]) == {1: JPEG.decode("latin-1")}
    assert seen((await entries(made, JPEG, image_conversion=True))[0]) == {1: "page 0"}
    assert seen((await entries(made, GIF, image_conversion=True))[0]) == {1: GIF.decode("latin-1")}


async def test_pixels_of_every_page_go_to_an_input_of_role_image() -> None:
    made = await built(pipeline(inputs=(Input("IMAGE", "UINT8", (-1, -1, 3), InputRole.IMAGE),)), Shape(2))
    (entry,) = await entries(made, PDF)
    assert seen(entry) == {1: "\0" * 18, 2: "\1" * 18}


async def test_a_page_range_chooses_and_the_medias_own_goes_before_that_of_the_call() -> None:
    made = await built(shape=Shape(5))
    media = (Media("media-1", PDF, "0,3"), Media("media-2", PDF))
    first, second = await of(made, msgspec.structs.replace(call(page_range="4-7"), media=media))
    assert (list(seen(first)), list(seen(second))) == ([1, 4], [5])
    assert "warnings" not in first
    assert [each["code"] for each in second["warnings"]] == ["media.page_range_clipped"]


async def test_a_range_that_leaves_nothing_fails_the_run_and_names_the_media() -> None:
    made = await built(shape=Shape(3))
    for media in ((JPEG, PDF), (PDF, PDF)):
        error = await refused(made, *media, page_range="3")
        assert (type(error), error.field) == (PageRangeEmpty, "media[0]")


async def test_a_range_is_refused_where_nobody_would_look_into_the_media() -> None:
    made = await built(pipeline())
    error = await refused(made, PDF, page_range="0")
    assert (type(error), error.field) == (InvalidInput, "pageRange")
    assert made.records.finished == []


async def test_a_page_that_fails_alone_is_listed_and_the_run_is_completed_with_errors() -> None:
    made = await built(shape=Shape(3))
    made.reader.failures[1] = MediaUnreadable("It is damaged.")
    (entry,) = await entries(made, PDF)
    assert list(seen(entry)) == [1, 3]
    assert entry["errors"] == [{"page": 2, "code": "media.unreadable", "message": "It is damaged."}]
    assert made.records.finished[0].run.state is RunState.COMPLETED_WITH_ERRORS


@pytest.mark.parametrize("error", [TritonFailed(), MediaLimit("No.")])
async def test_where_every_page_fails_the_run_fails_with_the_first(error: GatewayError) -> None:
    made = await built(shape=Shape(2))
    made.reader.failures |= {0: error, 1: MediaUnreadable("second")}
    assert await refused(made, PDF) is error
    assert made.records.finished[0].run.state is RunState.FAILED


async def test_what_hinders_every_page_fails_the_run_at_once() -> None:
    made = await built(shape=Shape(20))
    made.reader.failures[3] = TritonUnavailable()
    assert isinstance(await refused(made, PDF), TritonUnavailable)
    assert len(made.engine.asked) < 20


async def test_no_more_pages_are_rendered_than_are_with_triton() -> None:
    ahead = []

    async def slow(inference: Inference, dispatch: Dispatch) -> list[Value]:
        await asyncio.sleep(0)
        ahead.append(len(made.reader.rendered) - len(ahead))
        return await echo(inference, dispatch)

    made = await built(shape=Shape(100), answer=slow)
    await entries(made, PDF, PDF)
    assert len(ahead) == 200
    assert max(ahead) <= MEDIA_IN_PARALLEL


@pytest.mark.parametrize("pages", [(999, 999), (1000, 1000)])
async def test_a_call_may_have_as_many_pages_as_the_limits_say(pages: tuple[int, int]) -> None:
    made = await built(shape=Shape(1000))
    first, second = await of(made, msgspec.structs.replace(call(), media=_ranged(pages)))
    assert (len(seen(first)), len(seen(second))) == pages


async def test_a_call_may_not_have_more_pages() -> None:
    made = await built(shape=Shape(1001))
    assert isinstance(await refused(made, PDF), MediaLimit)
    made.reader.shape = Shape(1000)
    with pytest.raises(MediaLimit, match="2000 pages"):
        await of(made, msgspec.structs.replace(call(), media=_ranged((1000, 1000, 1))))


def _ranged(pages: tuple[int, ...]) -> tuple[Media, ...]:
    return tuple(Media(f"m{index}", PDF, f"0-{count - 1}") for index, count in enumerate(pages))


async def test_the_text_of_a_document_stands_in_its_entry() -> None:
    made = await built(shape=Shape(2))
    made.reader.words = "words"
    (entry,) = await entries(made, PDF, simple_text=True, page_range="1")
    assert (entry["rawText"], list(seen(entry))) == ("words[1]", [2])
    made.reader.words = ""
    (entry,) = await entries(made, PDF, simple_text=True)
    assert "rawText" not in entry


async def test_the_text_goes_to_the_pipelines_text_input() -> None:
    made = await built(pipeline(inputs=(MEDIA, TEXT)), Shape(2))
    made.reader.words = "words"
    (entry,) = await entries(made, WORD, simple_text=True)
    assert entry["documentPages"][0]["given"] == {"IMAGE": WORD.decode("latin-1"), "PROMPT": "words[]"}
    assert "rawText" not in entry
    (entry,) = await entries(made, PDF, simple_text=True, inputs={"PROMPT": "mine"})
    assert entry["documentPages"][0]["given"]["PROMPT"] == "mine"
    assert entry["rawText"] == "words[0, 1]"


async def test_a_pipeline_that_takes_text_alone_gets_that_of_media() -> None:
    made = await built(pipeline(inputs=(TEXT,)))
    (entry,) = await entries(made, "Grüße".encode(), simple_text=True)
    assert entry["documentPages"][0]["given"]["PROMPT"] == "Grüße".encode().decode("latin-1")
    assert isinstance(await refused(made, JPEG, simple_text=True), MediaUnsupported)
    assert isinstance(await refused(made, b"words"), InvalidInput)


@pytest.mark.parametrize("media", [WORD, b"words"])
async def test_text_alone_makes_an_entry_without_an_inference_where_a_pipeline_takes_images(media: bytes) -> None:
    made = await built()
    made.reader.words = "words"
    (entry,) = await entries(made, media, simple_text=True)
    assert entry["rawText"].startswith("words")
    assert made.engine.asked == []
    assert made.records.finished[0].run.state is RunState.COMPLETED


async def test_an_office_document_that_is_to_be_a_picture_is_refused_with_the_way_out() -> None:
    made = await built()
    error = await refused(made, JPEG, WORD)
    assert (type(error), error.field) == (MediaUnsupported, "media[1]")
    assert "trySimpleText" in error.message


async def test_a_run_in_the_background_is_the_same() -> None:
    made = await built(pipeline(), Shape(4))
    made.reader.words = "words"
    media = (Media("media-1", PDF, "1"), Media("media-2", PDF))
    asked = call(image_conversion=True, simple_text=True, page_range="2-3")
    accepted = await made.runs.execute_async(ANYONE, msgspec.structs.replace(asked, media=media))
    await made.worker.take_up(DueRun(accepted.run_id, "ocr"))
    assert made.records.runs[accepted.run_id].state is RunState.COMPLETED
    first, second = (json.loads(entry.content) for _, entry in made.records.entries)
    assert (list(seen(first)), list(seen(second))) == ([2], [3, 4])
    assert (first["rawText"], second["rawText"]) == ("words[1]", "words[2, 3]")


async def test_media_that_nothing_becomes_of_are_not_opened() -> None:
    made = await built(pipeline())
    await entries(made, PDF, TIFF, JPEG, WORD)
    assert made.reader.opens == []
    assert [media_of(each) for each in made.engine.asked] == [PDF, TIFF, JPEG, WORD]
