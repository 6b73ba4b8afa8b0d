import base64

import msgspec
import pytest

from gateway.domain.hooks import EventType, Hook, PayloadType, concerned
from gateway.domain.signing import new_secret
from gateway.errors import InvalidInput
from gateway.limits import MAX_HEADER_CHARACTERS, MAX_HOOK_HEADERS, MAX_HOOK_SECRETS, MAX_URL_CHARACTERS
from unit.fakes import hook


def test_a_usual_hook_is_not_refused() -> None:
    hook(
        headers={"Authorization": "Bearer x", "X-API-Key": "", "Cookie": "a=b", "User-Agent": "theirs"},
        status_filter=("COMPLETED", "TIMED_OUT"),
        secrets=(new_secret(), new_secret()),
    ).check()


def test_a_hook_is_written_in_cambrions_names() -> None:
    made = hook(form_payload_key="p", form_document_key="d", enabled=False, status_filter=("FAILED",))
    assert msgspec.json.decode(msgspec.json.encode(made)).keys() == {
        "hookId",
        "eventType",
        "endpoint",
        "payloadType",
        "createdAt",
        "statusFilter",
        "formPayloadKey",
        "formDocumentKey",
        "enabled",
    }


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "http://a/\0"}, "endpoint"),
        ({"endpoint": "http://a/ b"}, "endpoint"),
        ({"endpoint": "http://a/\r\nX: y"}, "endpoint"),
        ({"endpoint": "http://a/" + "x" * MAX_URL_CHARACTERS}, "endpoint"),
        ({"status_filter": ("DONE",)}, "statusFilter"),
        ({"status_filter": ("completed",)}, "statusFilter"),
        ({"status_filter": ("COMPLETED",), "event_type": EventType.SUBMIT}, "statusFilter"),
        ({"transform": "$"}, "transform"),
        ({"payload_type": PayloadType.TRANSFORM}, "transform"),
        ({"payload_type": PayloadType.FORM_TRANSFORM, "transform": ""}, "transform"),
        ({"payload_type": PayloadType.TRANSFORM, "transform": "x" * 100_000}, "transform"),
        ({"form_payload_key": ""}, "formPayloadKey"),
        ({"form_payload_key": 'a"; filename="x'}, "formPayloadKey"),
        ({"form_document_key": "a\r\nb"}, "formDocumentKey"),
    ],
)
def test_a_hook_that_no_delivery_can_be_made_with_is_refused(fields: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hook(**fields).check()
    assert refused.value.field == named


@pytest.mark.parametrize(
    "name",
    [
        "webhook-id",
        "Webhook-Signature",
        "WEBHOOK-TIMESTAMP",
        "webhook-other",
        "Host",
        "content-length",
        "Content-Type",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "X-Event-Type",
        "x-execution-id",
        "",
        "a b",
        "a:b",
        "a\r\nb",
        "größe",
        "x" * 65,
    ],
)
def test_a_header_that_is_not_a_hooks_own_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        hook(headers={name: "x"}).check()


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "\ta", " a", "a ", "ä", "\x7f", "x" * (MAX_HEADER_CHARACTERS + 1)]
)
def test_a_value_that_is_not_plain_text_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput):
        hook(headers={"X-A": value}).check()


def test_headers_are_few_and_each_once() -> None:
    hook(headers={f"X-{number}": "x" for number in range(MAX_HOOK_HEADERS)}).check()
    for headers in ({f"X-{number}": "x" for number in range(MAX_HOOK_HEADERS + 1)}, {"X-A": "1", "x-a": "2"}):
        with pytest.raises(InvalidInput):
            hook(headers=headers).check()


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_of_the_form_of_standard_webhooks_is_taken(length: int) -> None:
    hook(secrets=("whsec_" + base64.b64encode(bytes(length)).decode(),)).check()


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "a secret of mine",
        base64.b64encode(bytes(24)).decode(),
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_" + base64.b64encode(bytes(25)).decode().rstrip("="),
        "whsec_" + base64.b64encode(bytes(24)).decode() + "\n",
        "whsec_é" + base64.b64encode(bytes(24)).decode(),
        "whpk_" + base64.b64encode(bytes(32)).decode(),
    ],
)
def test_any_other_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hook(secrets=(secret,)).check()
    assert refused.value.message == "A secret is 'whsec_' and the base64 of 24 to 64 bytes."


def test_new_secrets_are_good_and_differ() -> None:
    made = tuple(new_secret() for _ in range(MAX_HOOK_SECRETS))
    hook(secrets=made).check()
    assert len(set(made)) == MAX_HOOK_SECRETS
    with pytest.raises(InvalidInput):
        hook(secrets=(*made, new_secret())).check()


def test_an_event_concerns_the_hooks_of_its_type_that_are_enabled_and_whose_filter_lets_it_through() -> None:
    every, some = hook(hook_id="every"), hook(hook_id="some", status_filter=("COMPLETED", "FAILED"))
    off, other = hook(hook_id="off", enabled=False), hook(hook_id="other", event_type=EventType.SUBMIT)
    hooks: list[Hook] = [every, some, off, other]
    assert concerned(hooks, EventType.STATUS_CHANGE, "FAILED") == [every, some]
    assert concerned(hooks, EventType.STATUS_CHANGE, "RUNNING") == [every]
    assert concerned(hooks, EventType.SUBMIT, None) == [other]
    assert concerned(hooks, EventType.OBSERVATION_UPDATE, "COMPLETED") == []


def test_a_form_carries_the_content_of_the_type_it_is_named_after() -> None:
    assert {each: each.content for each in PayloadType if each.with_documents} == {
        PayloadType.FORM_RAW: PayloadType.RAW,
        PayloadType.FORM_JSON: PayloadType.JSON,
        PayloadType.FORM_TRANSFORM: PayloadType.TRANSFORM,
    }
    assert PayloadType.RAW.content is PayloadType.RAW
