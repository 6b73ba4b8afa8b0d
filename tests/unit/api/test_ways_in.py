"""The ways by which media come in over REST: raw bodies, forms, and what a JSON body names."""

import base64
from typing import Any

import httpx
import pytest

from gateway.domain.access import ANYONE
from gateway.domain.media import MediaRecord
from gateway.domain.pipelines import Input, InputRole
from gateway.limits import MAX_FORM_PARTS, MAX_PART_HEADERS
from unit.api.test_rest_door import EXECUTE, door, refused
from unit.fakes import MEDIA_INPUT, START, Gateway, gateway, pipeline

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(60))
PDF = b"%PDF-1.7\n" + bytes(range(60))
ASYNC = EXECUTE.replace("executeSync", "executeAsync")
NUMBER = Input("THRESHOLD", "FP32", (1,), InputRole.NUMBER, optional=True)
TRUTH = Input("FAST", "BOOL", (1,), InputRole.BOOLEAN, optional=True)
PROMPT = Input("PROMPT", "BYTES", (1,), InputRole.TEXT, optional=True)
LAYOUT = Input("LAYOUT", "BYTES", (1,), InputRole.JSON, optional=True)
TAG = Input("tag", "BYTES", (1,), InputRole.TEXT, optional=True)
NAMED = pipeline(inputs=(MEDIA_INPUT, NUMBER, TRUTH, PROMPT, LAYOUT, TAG))
Parts = list[tuple[str, tuple[str | None, bytes | str, str] | tuple[str | None, bytes | str]]]


def media_of(built: Gateway) -> list[bytes]:
    """The media that the engine was asked about, in the order of the call."""
    return [bytes(value.parts[-1]) for each in built.engine.asked for value in each.inputs if value.name == "IMAGE"]


async def posted(built: Gateway, path: str = EXECUTE, **request: Any) -> httpx.Response:
    async with door(built) as client:
        return await client.post(path, **request)


def text(name: str, value: str) -> tuple[str, tuple[None, str]]:
    return name, (None, value)


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "IMAGE/X; a=b", "video/mp4"])
async def test_a_raw_body_is_one_media(kind: str) -> None:
    built = await gateway()
    response = await posted(built, content=PNG, headers={"Content-Type": kind})
    assert response.status_code == 200, response.text
    assert [each["mediaId"] for each in response.json()["mediaContents"]] == ["media-1"]
    assert media_of(built) == [PNG]


async def test_a_raw_body_in_base64_is_decoded_where_it_is_known() -> None:
    built = await gateway()
    await posted(built, content=base64.b64encode(PDF), headers={"Content-Type": "application/pdf"})
    await posted(built, content=b"just words", headers={"Content-Type": "text/plain"})
    assert media_of(built) == [PDF, b"just words"]


async def test_a_raw_body_of_no_known_type_is_refused_by_its_place() -> None:
    response = await posted(await gateway(), content=b"what?", headers={"Content-Type": "image/png"})
    assert refused(response, 415, "media.unsupported")["field"] == "media[0]"
    response = await posted(await gateway(), content=b"", headers={"Content-Type": "image/png"})
    assert refused(response, 422, "input.invalid")["field"] == "media[0]"


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "multipart/mixed; boundary=x", "nonsense"])
async def test_a_body_of_any_other_type_is_refused(kind: str) -> None:
    refused(await posted(await gateway(), content=b"{}", headers={"Content-Type": kind}), 415, "media.unsupported")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/vnd.api+json", "text/plain", "application/x-www-form-urlencoded"]
)
async def test_a_body_that_is_a_json_object_is_taken_as_one_whatever_clients_put_before_it(kind: str) -> None:
    built = await gateway()
    response = await posted(built, content=b' {"media":["YWJj"]}', headers={"Content-Type": kind})
    assert response.status_code == 200
    assert media_of(built) == [b"abc"]


async def test_options_of_a_raw_body_stand_in_the_query() -> None:
    built = await gateway()
    query = {"tag": "mine", "idempotent": "True", "ttl": "60", "timeout": "5.5", "envelope": "true"}
    response = await posted(built, content=PNG, headers={"Content-Type": "image/png"}, params=query)
    assert set(response.json()) == {"executionId", "runId", "observation"}
    (finished,) = built.records.finished
    assert finished.supersedes
    assert finished.new is not None
    assert (finished.new.tag, finished.new.ttl) == ("mine", 60.0)


async def test_options_in_the_query_stand_beside_a_json_body_too_but_not_twice() -> None:
    built = await gateway()
    assert (await posted(built, json={"media": ["YWJj"]}, params={"tag": "mine"})).status_code == 200
    response = await posted(built, json={"media": ["YWJj"], "tag": "a"}, params={"tag": "b"})
    assert refused(response, 422, "input.invalid")["field"] == "tag"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("never=1", "never"),
        ("media=YWJj", "media"),
        ("webhookSecret=whsec_x", "webhookSecret"),
        ("tag=a&tag=b", "tag"),
        ("idempotent=maybe", "idempotent"),
        ("timeout=soon", "timeout"),
        ("timeout=nan", "timeout"),
        ("timeout=0", "timeout"),
        ("tag=%ff", None),
        ("&".join("a=1" for _ in range(100)), None),
    ],
)
async def test_a_query_that_is_none_is_refused_by_its_field(query: str, field: str | None) -> None:
    response = await posted(await gateway(), f"{EXECUTE}?{query}", content=PNG, headers={"Content-Type": "image/png"})
    assert refused(response, 422, "input.invalid").get("field") == field


async def test_the_files_of_a_form_are_media_in_their_order() -> None:
    built = await gateway()
    names = ("media", "file", "files", MEDIA_INPUT.name)
    parts: Parts = [(name, (f"{name}.png", PNG + name.encode(), "image/png")) for name in names]
    response = await posted(built, files=parts)
    assert response.status_code == 200, response.text
    assert [each["mediaId"] for each in response.json()["mediaContents"]] == [f"media-{n}" for n in range(1, 5)]
    assert sorted(media_of(built)) == sorted(PNG + name.encode() for name in names)


async def test_a_media_in_base64_may_stand_in_a_form() -> None:
    built = await gateway()
    encoded = base64.b64encode(PNG).decode()
    await posted(built, files=[text("media", encoded), text("file", f"data:image/png;base64,{encoded}")])
    assert media_of(built) == [PNG, PNG]


async def test_a_file_that_was_not_chosen_is_none() -> None:
    built = await gateway()
    unchosen = ("file", ("", b"", "application/octet-stream"))
    assert (await posted(built, files=[unchosen, ("file", ("a", PNG, "image/png"))])).status_code == 200
    assert media_of(built) == [PNG]


async def test_fields_of_a_form_are_those_of_the_body() -> None:
    built = await gateway(NAMED)
    parts = [
        ("file", ("a.png", PNG, "image/png")),
        text("metaData", '{"customer": 4711}'),
        text("inputs", '{"PROMPT": "how long?"}'),
        text("runtimeParameters", '{"a": 1}'),
        text("idempotent", "True"),
        text("transient", "false"),
        text("ttl", "60"),
    ]
    assert (await posted(built, files=parts)).status_code == 200
    (finished,) = built.records.finished
    assert finished.new is not None
    assert (finished.new.meta_data, finished.new.ttl, finished.supersedes) == (b'{"customer": 4711}', 60.0, True)
    (asked,) = built.engine.asked
    assert asked.parameters == {"a": 1}
    assert [each.name for each in asked.inputs] == [MEDIA_INPUT.name, "PROMPT"]


async def test_parts_of_a_form_that_are_named_as_inputs_are_typed_by_their_roles() -> None:
    built = await gateway(NAMED)
    parts = [
        ("file", ("a.png", PNG, "image/png")),
        text("THRESHOLD", "0.5"),
        text("FAST", "TRUE"),
        text("PROMPT", "5"),
        ("LAYOUT", ("layout.json", b'{"columns": 2}', "application/json")),
        text("tag", "of the pipeline"),
    ]
    assert (await posted(built, files=parts)).status_code == 200
    (finished,) = built.records.finished
    assert finished.new is not None
    assert finished.new.tag is None
    assert [each.name for each in built.engine.asked[0].inputs][1:] == ["THRESHOLD", "FAST", "PROMPT", "LAYOUT", "tag"]


@pytest.mark.parametrize(
    ("part", "status", "field"),
    [
        (text("never", "x"), 422, "never"),
        (text("größe", "x"), 422, None),
        (text("inputs", "{"), 422, "inputs"),
        (text("inputs", '{}, "tag": "x"'), 422, "inputs"),
        (text("inputs", "[]"), 422, "inputs"),
        (text("idempotent", "perhaps"), 422, "idempotent"),
        (text("THRESHOLD", "half"), 422, "inputs.THRESHOLD"),
        (text("THRESHOLD", '"half"'), 422, "inputs.THRESHOLD"),
        (text("FAST", "maybe"), 422, "inputs.FAST"),
        (text("media", "!"), 422, "media[1]"),
        (("PROMPT", (None, b"\xff")), 422, "PROMPT"),
        (("file", ("a.bin", b"what?", "application/octet-stream")), 415, "media[1]"),
        (("file", ("x" * 256, PNG, "image/png")), 422, "media[1]"),
        (("picture", ("a.png", PNG, "image/png")), 422, "picture"),
    ],
)
async def test_a_part_that_has_no_place_is_refused_by_its_name(part: Any, status: int, field: str | None) -> None:
    built = await gateway(NAMED)
    response = await posted(built, files=[("file", ("a.png", PNG, "image/png")), part])
    code = "media.unsupported" if status == 415 else "input.invalid"
    assert refused(response, status, code).get("field") == field
    assert built.engine.asked == []


@pytest.mark.parametrize("name", ["tag", "THRESHOLD", "timeout"])
async def test_a_part_that_comes_twice_is_refused(name: str) -> None:
    response = await posted(await gateway(NAMED), files=[text(name, "1"), text(name, "1")])
    assert "twice" in str(refused(response, 422, "input.invalid")["detail"])


async def test_an_input_that_comes_as_a_part_and_among_the_inputs_is_refused() -> None:
    response = await posted(await gateway(NAMED), files=[text("PROMPT", "a"), text("inputs", '{"PROMPT": "b"}')])
    assert refused(response, 422, "input.invalid")["field"] == "inputs.PROMPT"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nno end"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Type: text/plain\r\n\r\nnameless\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\nContent-Disposition: form-data; name=a\n\nb\n--x--\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nb\r\n--x--\r\n',
        ),
    ],
)
async def test_a_form_that_is_none_is_malformed(content_type: str, body: bytes) -> None:
    response = await posted(await gateway(), content=body, headers={"Content-Type": content_type})
    refused(response, 400, "request.malformed")


async def test_a_form_of_too_many_parts_or_headers_is_too_large() -> None:
    many = [text("hookIds", "a")] * (MAX_FORM_PARTS + 1)
    refused(await posted(await gateway(), files=many), 413, "request.too_large")
    headers = b"".join(b"X-%d: a\r\n" % number for number in range(MAX_PART_HEADERS))
    body = b"--x\r\nContent-Disposition: form-data; name=a\r\n" + headers + b"\r\nb\r\n--x--\r\n"
    response = await posted(await gateway(), content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    refused(response, 413, "request.too_large")


async def test_a_form_that_is_larger_than_a_body_may_be_is_too_large() -> None:
    response = await posted(await gateway(max_body_bytes=200), files=[("file", ("a.png", PNG * 4, "image/png"))])
    refused(response, 413, "request.too_large")


async def test_a_form_for_a_pipeline_that_is_not_there_is_not_found() -> None:
    response = await posted(await gateway(), EXECUTE.replace("ocr", "never"), files=[text("tag", "a")])
    refused(response, 404, "pipeline.not_found")


async def test_a_form_may_run_in_the_background() -> None:
    built = await gateway()
    response = await posted(built, ASYNC, files=[("file", ("a.png", PNG, "image/png")), text("priority", "high")])
    assert response.status_code == 202
    assert list(built.blobs.kept.values()) == [PNG]


@pytest.mark.parametrize("name", ["url", "file_url"])
async def test_a_url_may_stand_in_a_form(name: str) -> None:
    built = await gateway()
    built.urls.kept["https://there.example/a.png"] = PNG
    response = await posted(built, data={name: "https://there.example/a.png", "tag": "mine"})
    assert response.status_code == 200, response.text
    assert media_of(built) == [PNG]


async def test_a_url_is_refused_where_the_operator_allows_none() -> None:
    built = await gateway(fetches=False)
    for request in ({"data": {"url": "https://a.example/"}}, {"json": {"media": [{"url": "https://a.example/"}]}}):
        found = refused(await posted(built, **request), 422, "media.url_forbidden")
        assert "media_urls" in str(found["detail"])
        assert found["field"] == "media[0]"


async def test_a_json_body_may_name_files_stored_media_and_urls() -> None:
    built = await gateway()
    await built.executions.create(ANYONE, "mine", None, None)
    record = MediaRecord(
        execution_id="mine", media_id="m-1", content_type="image/png", size=6, created_at=START, blob="stored"
    )
    built.records.media.append(record)
    built.blobs.kept["stored"], built.uploads.kept["f"], built.urls.kept["https://a/"] = b"stored", b"file", b"url"
    media = ["YWJj", {"base64": "YWJk"}, {"fileId": "f"}, {"mediaId": "m-1"}, {"url": "https://a/", "filename": "a"}]
    response = await posted(built, json={"executionId": "mine", "media": media})
    assert response.status_code == 200, response.text
    assert [each["mediaId"] for each in response.json()["mediaContents"]] == [
        "media-1",
        "media-2",
        "media-3",
        "m-1",
        "media-5",
    ]
    assert media_of(built) == [b"abc", b"abd", b"file", b"stored", b"url"]
