import email.parser
import email.policy
import json
from email.message import EmailMessage

import pytest

from gateway.core.multipart import Document
from gateway.core.payloads import Payloads, notice
from gateway.domain.hooks import EventType, PayloadType
from gateway.domain.observations import observation_json
from gateway.domain.runs import RunError
from gateway.errors import TooLarge, TransformInvalid
from gateway.limits import MAX_DELIVERY_BYTES
from unit.fakes import EXECUTION_ID, RUN_ID, FakeTransformer, entry, event, hook

CONTENT = b'{"rawText":"caf\\u00e9","label":{"index":0,"name":"receipt","confidence":1.0}}'
OBSERVATION = observation_json(EXECUTION_ID, [entry(CONTENT)])
PICTURE = Document(media_id="media-1", content_type="image/png", data=b"\x89PNG\r\n\x1a\n--\xff\0")
WORDS = Document(media_id="media-2", content_type="text/plain; charset=utf-8", data=b"words\r\n")
NOTICE = {
    "type": "run.completed",
    "timestamp": "2026-11-21T07:15:00.123Z",
    "data": {
        "executionId": EXECUTION_ID,
        "runId": RUN_ID,
        "pipelineId": "ocr",
        "pipelineVersion": 0,
        "status": "COMPLETED",
        "urls": {
            "execution": f"/v1/executions/{EXECUTION_ID}",
            "observation": f"/v1/executions/{EXECUTION_ID}/observation",
            "run": f"/v1/runs/{RUN_ID}",
        },
    },
}


def parts(content_type: str, body: bytes) -> list[EmailMessage]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    assert not whole.defects
    return list(whole.iter_parts())  # type: ignore[arg-type]


async def test_raw_is_the_observation_byte_for_byte_with_the_event_behind_it() -> None:
    made = await Payloads(FakeTransformer()).of_hook(hook(), event(), OBSERVATION, ())
    assert made.content_type == "application/json"
    assert made.body.startswith(OBSERVATION[:-1])
    assert json.loads(made.body) == {**json.loads(OBSERVATION), "event": NOTICE}


async def test_json_is_the_plain_form_and_nothing_else() -> None:
    made = await Payloads(FakeTransformer()).of_hook(hook(payload_type=PayloadType.JSON), event(), OBSERVATION, ())
    assert (made.content_type, json.loads(made.body)) == ("application/json", {"label": "receipt"})


async def test_transform_is_what_the_expression_makes_of_the_raw_form() -> None:
    transformer = FakeTransformer()
    asked = hook(payload_type=PayloadType.TRANSFORM, transform="event.data.status")
    made = await Payloads(transformer).of_hook(asked, event(), OBSERVATION, ())
    assert made.body == b'"made"'
    [(expression, document)] = transformer.given
    assert expression == "event.data.status"
    assert json.loads(document)["event"] == NOTICE


async def test_a_transform_that_makes_nothing_is_null() -> None:
    transformer = FakeTransformer()
    transformer.made = None
    asked = hook(payload_type=PayloadType.TRANSFORM, transform="nothing")
    assert (await Payloads(transformer).of_hook(asked, event(), OBSERVATION, ())).body == b"null"


async def test_a_transform_that_fails_is_the_callers_to_know() -> None:
    transformer = FakeTransformer()
    transformer.failure = TransformInvalid()
    asked = hook(payload_type=PayloadType.TRANSFORM, transform="$x(")
    with pytest.raises(TransformInvalid):
        await Payloads(transformer).of_hook(asked, event(), OBSERVATION, ())


@pytest.mark.parametrize("kind", [PayloadType.RAW, PayloadType.JSON, PayloadType.TRANSFORM])
async def test_a_form_carries_the_same_content_and_the_documents_byte_for_byte(kind: PayloadType) -> None:
    payloads = Payloads(FakeTransformer())
    transform = "$" if kind is PayloadType.TRANSFORM else None
    plain = await payloads.of_hook(hook(payload_type=kind, transform=transform), event(), OBSERVATION, ())
    asked = hook(payload_type=PayloadType(f"FORM_{kind}"), transform=transform)
    made = await payloads.of_hook(asked, event(), OBSERVATION, (PICTURE, WORDS))
    content, picture, words = parts(made.content_type, made.body)
    assert content.get_param("name", header="content-disposition") == "payload"
    assert (content.get_content_type(), content.get_payload(decode=True)) == ("application/json", plain.body)
    assert {each.get_param("name", header="content-disposition") for each in (picture, words)} == {"documents"}
    assert (picture.get_filename(), picture.get_content_type()) == ("media-1.png", "image/png")
    assert (words.get_filename(), words.get_content_type()) == ("media-2.txt", "text/plain")
    assert words.get_content_charset() == "utf-8"
    assert picture.get_payload(decode=True) == PICTURE.data
    assert words.get_payload(decode=True) == WORDS.data


async def test_the_keys_of_a_form_are_the_hooks_own() -> None:
    asked = hook(payload_type=PayloadType.FORM_JSON, form_payload_key="data", form_document_key="files[]")
    made = await Payloads(FakeTransformer()).of_hook(asked, event(), OBSERVATION, (PICTURE,))
    names = [each.get_param("name", header="content-disposition") for each in parts(made.content_type, made.body)]
    assert names == ["data", "files[]"]


async def test_a_form_without_documents_is_a_form() -> None:
    asked = hook(payload_type=PayloadType.FORM_JSON)
    made = await Payloads(FakeTransformer()).of_hook(asked, event(), OBSERVATION, ())
    assert len(parts(made.content_type, made.body)) == 1


async def test_what_is_too_large_is_not_put_together() -> None:
    large = Document(media_id="m", content_type="image/tiff", data=bytes(MAX_DELIVERY_BYTES))
    with pytest.raises(TooLarge):
        await Payloads(FakeTransformer()).of_hook(
            hook(payload_type=PayloadType.FORM_RAW), event(), OBSERVATION, (large,)
        )


def test_a_notice_says_what_happened_and_nothing_of_what_was_found() -> None:
    assert json.loads(notice(event()).body) == NOTICE


def test_a_notice_of_failure_names_the_error() -> None:
    made = json.loads(notice(event(status="FAILED", error=RunError("triton.failed", "A model failed."))).body)
    assert made["type"] == "run.failed"
    assert made["data"]["error"] == {"code": "triton.failed", "message": "A model failed."}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(EventType.OBSERVATION_UPDATE, "observation.updated"), (EventType.SUBMIT, "execution.submitted")],
)
def test_an_event_without_a_run_names_none(kind: EventType, name: str) -> None:
    told = event(event_type=kind, run_id=None, pipeline_id=None, pipeline_version=None, status=None)
    made = json.loads(notice(told).body)
    assert made["type"] == name
    assert made["data"].keys() == {"executionId", "urls"}
    assert "run" not in made["data"]["urls"]
