"""The forms of one media in a JSON body, and in a message."""

import msgspec
import pytest

from gateway.domain.media import FileReference, Media, StoredReference, UrlReference
from gateway.errors import InvalidInput
from gateway.limits import MAX_FILENAME_CHARACTERS, MAX_MEDIA_URL_CHARACTERS
from gateway.v1 import media_pb2, pipelines_pb2
from gateway.wire.call_protos import sync_call
from gateway.wire.calls import asked

PAGES = "0-5,10"
FORMS = [
    ("YWJj", media_pb2.Media(base64="YWJj"), Media("media-1", b"abc")),
    ({"base64": "YWJj"}, media_pb2.Media(data=b"abc"), Media("media-1", b"abc")),
    (
        {"base64": "data:a/b;base64,YWJj", "pageRange": PAGES},
        media_pb2.Media(data=b"abc", page_range=PAGES),
        Media("media-1", b"abc", PAGES),
    ),
    ({"url": "DATA:a/b;base64,YWJj"}, media_pb2.Media(uri="DATA:a/b;base64,YWJj"), Media("media-1", b"abc")),
    ({"fileId": "f"}, media_pb2.Media(file_id="f"), FileReference("f")),
    ({"fileId": "f", "url": None, "filename": "a.pdf"}, media_pb2.Media(file_id="f"), FileReference("f")),
    (
        {"mediaId": "m", "pageRange": PAGES},
        media_pb2.Media(media_id="m", page_range=PAGES),
        StoredReference("m", PAGES),
    ),
    ({"url": "https://a/"}, media_pb2.Media(uri="https://a/"), UrlReference("https://a/")),
]


@pytest.mark.parametrize(("body", "message", "media"), FORMS)
def test_each_form_is_the_same_in_json_and_in_a_message(body: object, message: media_pb2.Media, media: object) -> None:
    by_json = asked("ocr", msgspec.json.encode({"media": [body]}), 30).call.media
    by_message = sync_call(pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", media=[message]), 30).media
    assert by_json == by_message == (media,)


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ({}, "Name one"),
        ({"filename": "a"}, "Name one"),
        ({"base64": None}, "Name one"),
        ({"base64": "YWJj", "fileId": "f"}, "Name one"),
        ({"mediaId": "m", "url": "https://a/"}, "Name one"),
        ({"base64": "YW!j"}, "offset 2"),
        ({"base64": ""}, "empty"),
        ({"url": "data:a/b,YWJj"}, "data URL"),
        ({"url": "https://a/" + "x" * MAX_MEDIA_URL_CHARACTERS}, "longer"),
        ({"fileId": "f", "filename": "x" * (MAX_FILENAME_CHARACTERS + 1)}, "longer"),
    ],
)
def test_what_is_none_of_these_is_refused_by_its_place(media: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        asked("ocr", msgspec.json.encode({"media": ["YWJj", media]}), 30)
    assert refused.value.field == "media[1]"


@pytest.mark.parametrize("media", [5, ["YWJj"], {"never": "a"}, {"fileId": 5}, True])
def test_what_is_no_media_at_all_is_refused(media: object) -> None:
    with pytest.raises(InvalidInput):
        asked("ocr", msgspec.json.encode({"media": [media]}), 30)


@pytest.mark.parametrize(
    "media",
    [
        {"url": "https://a/" + "x" * (MAX_MEDIA_URL_CHARACTERS - len("https://a/"))},
        {"fileId": "f", "filename": "x" * MAX_FILENAME_CHARACTERS},
    ],
)
def test_what_is_as_long_as_it_may_be_is_taken(media: object) -> None:
    assert len(asked("ocr", msgspec.json.encode({"media": [media]}), 30).call.media) == 1
