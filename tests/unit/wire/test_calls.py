import base64

import msgspec
import pytest

from gateway.domain.calls import Call
from gateway.domain.conversion import Conversion
from gateway.domain.media import Media
from gateway.domain.observations import Given
from gateway.errors import InvalidInput, InvalidRequest, Malformed, ObservationInvalid
from gateway.limits import MAX_MEDIA_PER_CALL, MAX_META_DATA_BYTES, MAX_SYNC_TIMEOUT, MAX_TAG_CHARACTERS
from gateway.wire.calls import asked as asked_of


def body(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


def call_of(asked: bytes, default_timeout: float = 30) -> Call:
    return asked_of("ocr", asked, default_timeout).call


def test_a_body_becomes_a_call() -> None:
    media = [base64.b64encode(each).decode() for each in (b"one", b"two")]
    asked = body(media=media, inputs={"PROMPT": "hi"}, tag="mine", metaData={"a": [1]}, timeout=2.5)
    call = call_of(asked)
    assert call.pipeline_id == "ocr"
    assert call.media == (Media("media-1", b"one"), Media("media-2", b"two"))
    assert call.inputs == {"PROMPT": "hi"}
    assert (call.tag, call.meta_data, call.timeout) == ("mine", b'{"a":[1]}', 2.5)


@pytest.mark.parametrize(
    "asked", [b"{}", body(media=None, inputs=None, tag=None, metaData=None, timeout=None), body(media=[], inputs={})]
)
def test_null_is_absent(asked: bytes) -> None:
    call = call_of(asked)
    assert (call.media, call.inputs, call.tag, call.meta_data, call.timeout) == ((), {}, None, None, 30)


def test_metadata_keep_their_digits() -> None:
    asked = b'{"metaData":{"a":12345678901234567890.10,"b":{"c" : 1}}}'
    assert call_of(asked).meta_data == b'{"a":12345678901234567890.10,"b":{"c" : 1}}'


def test_the_largest_of_everything_is_accepted() -> None:
    media, size = ["YQ=="] * MAX_MEDIA_PER_CALL, MAX_META_DATA_BYTES - len(b'{"a":""}')
    asked = body(media=media, tag="ü" * MAX_TAG_CHARACTERS, metaData={"a": "x" * size}, timeout=MAX_SYNC_TIMEOUT)
    call = call_of(asked)
    assert len(call.media) == MAX_MEDIA_PER_CALL
    assert call.meta_data is not None
    assert len(call.meta_data) == MAX_META_DATA_BYTES


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (body(tag="x" * (MAX_TAG_CHARACTERS + 1)), "tag"),
        (body(metaData={"a": "x" * MAX_META_DATA_BYTES}), "metaData"),
        (body(metaData=[1]), "metaData"),
        (body(media=["YQ=="] * (MAX_MEDIA_PER_CALL + 1)), "media"),
        (body(media="YQ=="), "media"),
        (body(media=["YQ==", 5]), "media[1]"),
        (body(media=["YQ==", "!"]), "media[1]"),
        (body(media=["YQ==", ""]), "media[1]"),
        (body(timeout=0), "timeout"),
        (body(timeout=-1), "timeout"),
        (body(timeout=MAX_SYNC_TIMEOUT + 0.1), "timeout"),
        (body(timeout="5"), "timeout"),
        (body(timeout=True), "timeout"),
        (b'{"timeout":1e999}', "timeout"),
        (body(inputs=[1]), "inputs"),
        (body(meta_data={}), "meta_data"),
        (body(document="x"), "document"),
    ],
)
def test_what_is_past_a_limit_or_of_another_kind_is_refused_by_its_field(asked: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        call_of(asked)
    assert refused.value.field == field


@pytest.mark.parametrize("asked", [b'{"timeout":NaN}', b'{"timeout":Infinity}'])
def test_numbers_that_json_does_not_have_are_malformed(asked: bytes) -> None:
    with pytest.raises(Malformed):
        call_of(asked)


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), float("-inf"), 0.0])
def test_a_timeout_that_is_no_span_of_time_is_refused(timeout: float) -> None:
    with pytest.raises(InvalidInput) as refused:
        call_of(b'{"media":["YQ=="]}', timeout)
    assert refused.value.field == "timeout"


def test_too_many_media_are_refused_before_any_is_decoded() -> None:
    with pytest.raises(InvalidInput, match="at most"):
        call_of(body(media=["!"] * (MAX_MEDIA_PER_CALL + 1)))


def test_every_field_of_cambrion_reaches_the_call() -> None:
    observation = {"mediaContents": [{"id": "e", "mediaId": "m", "rawText": "x"}]}
    whole = asked_of(
        "ocr",
        body(
            executionId="mine",
            mediaIds=["b", "a"],
            text="words",
            observation=observation,
            idempotent=True,
            transform="$.rawText",
            runtimeParameters={"a": "x", "b": 1, "c": 0.5, "d": True},
            pageRange="0-5,10",
            tryImageConversion=True,
            trySimpleText=True,
        ),
        30,
    )
    assert whole.transform == "$.rawText"
    call = whole.call
    assert (call.execution_id, call.media_ids, call.text) == ("mine", ("b", "a"), "words")
    assert call.seed == (Given("e", "m", b'{"rawText":"x"}'),)
    assert call.seed_json == msgspec.json.encode(observation)
    assert (call.idempotent, call.transient) == (True, False)
    assert call.conversion == Conversion(images=True, text=True, pages="0-5,10")
    assert call_of(body(tryImageConversion=False, trySimpleText=None)).conversion == Conversion()
    assert call.parameters == {"a": "x", "b": 1, "c": 0.5, "d": True}
    assert call_of(body(transient=True)).transient


def test_no_stored_media_is_not_the_same_as_all_of_them() -> None:
    assert call_of(body(executionId="e", mediaIds=[])).media_ids == ()
    assert call_of(body(executionId="e")).media_ids is None


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (body(executionId=5), "executionId"),
        (body(mediaIds="a"), "mediaIds"),
        (body(mediaIds=["a", 5]), "mediaIds[1]"),
        (body(text=["x"]), "text"),
        (body(idempotent="yes"), "idempotent"),
        (body(transient=1), "transient"),
        (body(transform=["x"]), "transform"),
        (body(runtimeParameters=["x"]), "runtimeParameters"),
        (body(runtimeParameters={"a": [1]}), "runtimeParameters.a"),
        (body(runtimeParameters={"a": {}}), "runtimeParameters.a"),
        (body(runtimeParameters={"a": None}), "runtimeParameters.a"),
        (b'{"runtimeParameters":{"a":9223372036854775808}}', "runtimeParameters.a"),
        (b'{"runtimeParameters":{"a":-9223372036854775809}}', "runtimeParameters.a"),
        (body(runtimeParameters={"a\0": 1}), "runtimeParameters"),
        (body(runtimeParameters={"sequence_id": 1}), "runtimeParameters.sequence_id"),
        (body(runtimeParameters={"priority": 1}), "runtimeParameters.priority"),
        (body(runtimeParameters={"triton_x": True}), "runtimeParameters.triton_x"),
        (body(tag="a\0b"), "tag"),
        (b'{"metaData":{"a":"\xff"}}', "metaData"),
        (body(hookIds="a"), "hookIds"),
        (body(webhookSecret="whsec_x"), "webhookSecret"),
    ],
)
def test_a_field_of_another_kind_is_refused_by_its_name(asked: bytes, field: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        call_of(asked)
    assert refused.value.field == field


def test_the_largest_whole_numbers_of_triton_are_parameters() -> None:
    asked = b'{"runtimeParameters":{"a":9223372036854775807,"b":-9223372036854775808}}'
    assert call_of(asked).parameters == {"a": 2**63 - 1, "b": -(2**63)}


def test_an_observation_that_is_none_is_refused_as_such() -> None:
    for wrong in (b'{"observation":5}', b'{"observation":{"mediaContents":5}}', b'{"observation":{"other":1}}'):
        with pytest.raises(ObservationInvalid):
            call_of(wrong)


def test_a_null_observation_is_absent() -> None:
    call = call_of(b'{"observation":null}')
    assert (call.seed, call.seed_json) == ((), None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mediaIds": ["a"]}, "mediaIds"),
        ({"executionId": "e", "mediaIds": ["a"], "media": ["YQ=="]}, "mediaIds"),
        ({"executionId": "e", "transient": True}, "transient"),
    ],
)
def test_what_cannot_go_together_is_refused(fields: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        call_of(body(**fields)).check()
    assert refused.value.field == field
