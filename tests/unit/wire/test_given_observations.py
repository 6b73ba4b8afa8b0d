import msgspec
import pytest

from gateway.domain.observations import RESERVED, Given
from gateway.errors import Malformed, ObservationInvalid
from gateway.wire.observations import given_entries


def test_an_observation_that_was_read_can_be_sent_back() -> None:
    head = {"id": "e1", "mediaId": "m", "runId": "r", "pipelineId": "p", "pipelineVersion": 0, "createdAt": "now"}
    assert head.keys() == RESERVED
    body = {"executionId": "x", "mediaContents": [head | {"rawText": "a"}], "documents": []}
    assert given_entries(msgspec.json.encode(body)) == (Given("e1", "m", b'{"rawText":"a"}'),)


def test_the_digits_of_a_content_are_kept() -> None:
    body = b'{"mediaContents":[{"n": 1.50, "big":12345678901234567890123, "nested":{"id" : 1,  "x":[1E2]}}]}'
    (entry,) = given_entries(body)
    assert entry.content == b'{"n":1.50,"big":12345678901234567890123,"nested":{"id" : 1,  "x":[1E2]}}'
    assert (entry.entry_id, entry.media_id) == (None, None)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"mediaContents":null,"documents":null,"executionId":null}', b'{"mediaContents":[]}']
)
def test_an_observation_of_nothing_has_no_entries(body: bytes) -> None:
    assert given_entries(body) == ()


def test_null_ids_are_absent() -> None:
    assert given_entries(b'{"mediaContents":[{"id":null,"mediaId":null},{"id":null}]}') == (
        Given(None, None, b"{}"),
        Given(None, None, b"{}"),
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[]", None),
        (b"null", None),
        (b'{"other":1}', "other"),
        (b'{"executionId":5}', "executionId"),
        (b'{"mediaContents":{}}', "mediaContents"),
        (b'{"mediaContents":[5]}', "mediaContents[0]"),
        (b'{"mediaContents":[{"id":5}]}', "mediaContents[0].id"),
        (b'{"mediaContents":[{},{"id":""}]}', "mediaContents[1].id"),
        (b'{"mediaContents":[{"id":"' + b"x" * 129 + b'"}]}', "mediaContents[0].id"),
        (b'{"mediaContents":[{"id":"a\\u0000"}]}', "mediaContents[0].id"),
        (b'{"mediaContents":[{"mediaId":["a"]}]}', "mediaContents[0].mediaId"),
        (b'{"mediaContents":[{"id":"a"},{"id":"b"},{"id":"a"}]}', "mediaContents[2].id"),
        (b'{"documents":[{}]}', "documents"),
        (b'{"mediaContents":[{"a":"\xff"}]}', None),
    ],
)
def test_what_is_no_observation_is_refused_by_its_field(body: bytes, field: str | None) -> None:
    with pytest.raises(ObservationInvalid) as refused:
        given_entries(body)
    assert refused.value.field == field


@pytest.mark.parametrize("body", [b"{", b"", b'{"mediaContents":[{"a":NaN}]}', b"[" * 100_000])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises((Malformed, ObservationInvalid)):
        given_entries(body)
