import json

import msgspec
import pytest

from gateway.domain.observations import RESERVED, VOCABULARY, entry_json, observation_json
from unit.fakes import ENTRY_ID, EXECUTION_ID, RUN_ID, entry

HEAD = (
    f'{{"id":"{ENTRY_ID}","mediaId":"media-1","runId":"{RUN_ID}",'
    '"pipelineId":"ocr","pipelineVersion":0,"createdAt":"2026-11-21T07:15:00.123Z"'
).encode()

CONTENTS = [
    b'"rawText":"a"}',
    b'"a" :  1 ,\n\t"b":[ 1,2 ]\n}',
    b'"a":1,"a":2}',
    '"text":"größer 😀 \\u00e9 \\/"}'.encode(),
    b'"big":123456789012345678901234567890.123456789012345678901234567890e10,"x":1E+2,"y":-0.0}',
    b'"nested":{"id":1,"mediaId":2},"list":[{"runId":3}]}',
]


@pytest.mark.parametrize("content", CONTENTS)
def test_the_content_of_a_model_is_spliced_in_byte_for_byte(content: bytes) -> None:
    assert entry_json(entry(b"{" + content)) == HEAD + b"," + content


@pytest.mark.parametrize("content", CONTENTS)
def test_an_entry_is_valid_json_with_the_gateways_six_fields_first(content: bytes) -> None:
    found = json.loads(entry_json(entry(b"{" + content)), object_pairs_hook=list)
    names = ["id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"]
    assert [name for name, _ in found[:6]] == names
    assert set(names) == RESERVED


@pytest.mark.parametrize("content", [b"{}", b"{ }", b" \n{\t}", b"\r\n {\r\n}"])
def test_an_empty_object_adds_no_comma(content: bytes) -> None:
    assert json.loads(entry_json(entry(content))).keys() == RESERVED


def test_space_around_the_content_does_no_harm() -> None:
    assert json.loads(entry_json(entry(b'\n  {  "a" : 1 }\n ')))["a"] == 1


def test_an_entry_without_media_has_no_media_id() -> None:
    assert json.loads(entry_json(entry(b"{}", media_id=None))).keys() == RESERVED - {"mediaId"}


def test_an_observation_holds_its_entries_in_order_and_no_documents() -> None:
    entries = [entry(b'{"n":%d}' % number) for number in range(3)]
    found = msgspec.json.decode(observation_json(EXECUTION_ID, entries))
    assert list(found) == ["executionId", "mediaContents", "documents"]
    assert found["executionId"] == EXECUTION_ID
    assert [each["n"] for each in found["mediaContents"]] == [0, 1, 2]
    assert found["documents"] == []


def test_an_observation_of_nothing_is_valid_json() -> None:
    assert json.loads(observation_json("mine.1", [])) == {"executionId": "mine.1", "mediaContents": [], "documents": []}


def test_no_word_of_the_vocabulary_is_one_of_the_gateways_own() -> None:
    assert VOCABULARY.isdisjoint(RESERVED)
