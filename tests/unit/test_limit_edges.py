"""Every limit that a caller can meet: one less and as much are taken, one more is refused; and none has no test."""

import base64
import re
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

import msgspec
import pytest

from gateway import errors, limits
from gateway.api.grpc.pages import page_limit
from gateway.api.rest.head import refusal_of
from gateway.api.rest.runs import wait_seconds
from gateway.core import results
from gateway.core.admission import Admission
from gateway.domain.access import ANYONE
from gateway.domain.files import NewFile
from gateway.domain.hooks import PayloadType
from gateway.domain.ids import known_form, now
from gateway.domain.keys import key_text
from gateway.domain.signing import new_secret
from gateway.v1 import media_pb2, pipelines_pb2
from gateway.wire.call_protos import sync_call
from gateway.wire.calls import asked, checked_tag, checked_ttl
from gateway.wire.media import decode_media
from gateway.wire.observations import given_entries
from gateway.wire.scheduling import checked_schedule
from places import ROOT
from unit.fakes import gateway, hook, pipeline, text

Probe = Callable[[int], object]

_AROUND = len(b'{"a":""}')


def rest(field: str, make: Callable[[int], bytes]) -> Probe:
    """A body of which this field is made to size."""
    return lambda size: asked("ocr", b'{"%b":%b}' % (field.encode(), make(size)), 30)


def grpc(field: str, make: Callable[[int], object]) -> Probe:
    """A request of which this field is made to size."""
    return lambda size: sync_call(pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", **{field: make(size)}), 30)


def members(count: int) -> bytes:
    return msgspec.json.encode({f"M{number}": number for number in range(count)})


def of_bytes(size: int) -> bytes:
    """A JSON object of so many bytes."""
    return b'{"a":"%b"}' % (b"x" * (size - _AROUND))


def nested(depth: int, name: bytes = b"a") -> bytes:
    """A JSON object in which so many stand in one another, itself among them; others stand beside them."""
    beside = b'{"b":[]},' * limits.MAX_JSON_DEPTH
    return b'{"%b":[%b"[{",%b]}' % (name, beside, b"[" * (depth - 2) + b"]" * (depth - 2))


def texts(each: bytes) -> Callable[[int], bytes]:
    """An array of so many of the same text."""
    return lambda count: b"[" + b",".join([b'"%b"' % each] * count) + b"]"


def string(size: int) -> bytes:
    return b'"%b"' % (b"x" * size)


def named(field: bytes, value: bytes) -> bytes:
    """One media that a call names, with this field."""
    file = b"" if field == b"url" else b'"fileId":"f",'
    return b'[{%b"%b":"%b"}]' % (file, field, value)


def entries(*of: bytes) -> bytes:
    return b'{"mediaContents":[%b]}' % b",".join(of)


def observation(size: int) -> bytes:
    """An observation of so many bytes, in two entries."""
    half = limits.MAX_OBSERVATION_BYTES // 2
    return entries(of_bytes(half), of_bytes(size - half - len(entries(b"")) - 1))


def found(raw: bytes) -> bytes:
    """The content of an entry of what a model sent."""
    return results.content(pipeline(), [text("OBSERVATION", raw)])


def places(admission: Admission) -> Probe:
    def take(count: int) -> None:
        with ExitStack() as taken:
            for _ in range(count):
                taken.enter_context(admission.place(ANYONE, "ocr"))

    return take


def head(target: bytes = b"/", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    refusal = refusal_of(target, headers)
    if refusal is not None:
        raise refusal


def within(seconds: int) -> object:
    return checked_schedule(
        waits=False, priority=None, execute_after=now() + timedelta(seconds=seconds), on_timeout=None
    )


def media(size: int) -> bytes:
    return decode_media(base64.b64encode(bytes(size)).decode(), "media[0]")


#: Limits with an edge, each as often as there are ways to it: what meets it, and how it is refused.
EDGES: list[tuple[str, Probe, type[errors.GatewayError]]] = [
    ("MAX_MEDIA_BYTES", media, errors.MediaLimit),
    ("MAX_MEDIA_BYTES", grpc("media", lambda size: [media_pb2.Media(data=bytes(size))]), errors.MediaLimit),
    ("MAX_MEDIA_PER_CALL", rest("media", texts(b"YQ==")), errors.InvalidInput),
    ("MAX_MEDIA_PER_CALL", rest("mediaIds", texts(b"m")), errors.InvalidInput),
    ("MAX_MEDIA_PER_CALL", grpc("media", lambda count: [media_pb2.Media(data=b"a")] * count), errors.InvalidInput),
    ("MAX_MEDIA_PER_CALL", grpc("media_ids", lambda count: ["m"] * count), errors.InvalidInput),
    ("MAX_MEDIA_URL_CHARACTERS", rest("media", lambda size: named(b"url", b"http://a/".ljust(size, b"x"))), errors.InvalidInput),  # noqa: E501
    ("MAX_FILENAME_CHARACTERS", rest("media", lambda size: named(b"filename", b"x" * size)), errors.InvalidInput),
    ("MAX_TEXT_CHARACTERS", rest("text", string), errors.InvalidInput),
    ("MAX_TEXT_CHARACTERS", grpc("text", lambda size: "ü" * size), errors.InvalidInput),
    ("MAX_INPUTS", rest("inputs", members), errors.InvalidInput),
    ("MAX_INPUTS", grpc("inputs", members), errors.InvalidInput),
    ("MAX_INPUTS_BYTES", rest("inputs", of_bytes), errors.InvalidInput),
    ("MAX_INPUTS_BYTES", grpc("inputs", of_bytes), errors.InvalidInput),
    ("MAX_PARAMETERS", rest("runtimeParameters", members), errors.InvalidInput),
    ("MAX_PARAMETERS", grpc("runtime_parameters", members), errors.InvalidInput),
    ("MAX_PARAMETERS_BYTES", rest("runtimeParameters", of_bytes), errors.InvalidInput),
    ("MAX_PARAMETERS_BYTES", grpc("runtime_parameters", of_bytes), errors.InvalidInput),
    ("MAX_META_DATA_BYTES", rest("metaData", of_bytes), errors.InvalidInput),
    ("MAX_META_DATA_BYTES", grpc("meta_data", of_bytes), errors.InvalidInput),
    ("MAX_JSON_DEPTH", rest("inputs", nested), errors.InvalidInput),
    ("MAX_JSON_DEPTH", grpc("inputs", nested), errors.InvalidInput),
    ("MAX_JSON_DEPTH", rest("metaData", nested), errors.InvalidInput),
    ("MAX_JSON_DEPTH", grpc("meta_data", nested), errors.InvalidInput),
    ("MAX_JSON_DEPTH", lambda depth: given_entries(entries(nested(depth))), errors.ObservationInvalid),
    ("MAX_JSON_DEPTH", lambda depth: found(nested(depth, b"label")), errors.WiringInvalid),
    ("MAX_ENTRY_BYTES", lambda size: given_entries(entries(of_bytes(size))), errors.ObservationInvalid),
    ("MAX_ENTRY_BYTES", lambda size: found(b'{"rawText":%b}' % string(size - 14)), errors.WiringInvalid),
    ("MAX_OBSERVATION_BYTES", lambda size: given_entries(observation(size)), errors.ObservationInvalid),
    ("MAX_OBSERVATION_BYTES", rest("observation", observation), errors.ObservationInvalid),
    ("MAX_OBSERVATION_BYTES", lambda size: results.whole([bytes(size - 1), b"x"]), errors.WiringInvalid),
    ("MAX_GIVEN_ENTRIES", lambda count: given_entries(entries(*[b"{}"] * count)), errors.ObservationInvalid),
    ("MAX_TAG_CHARACTERS", lambda size: checked_tag("x" * size), errors.InvalidInput),
    ("MAX_ID_CHARACTERS", lambda size: known_form("x" * size), errors.ExecutionNotFound),
    ("MAX_ID_CHARACTERS", lambda size: given_entries(entries(b'{"id":%b}' % string(size))), errors.ObservationInvalid),
    ("MAX_ID_CHARACTERS", lambda size: given_entries(entries(b'{"mediaId":%b}' % string(size))), errors.ObservationInvalid),  # noqa: E501
    ("MAX_KEY_CHARACTERS", lambda size: key_text("k" * size), errors.InvalidInput),
    ("MAX_NAME_CHARACTERS", lambda size: hook(name="n" * size).check(), errors.InvalidInput),
    ("MAX_URL_CHARACTERS", lambda size: hook(endpoint="http://a/".ljust(size, "x")).check(), errors.InvalidInput),
    ("MAX_HOOK_HEADERS", lambda count: hook(headers={f"X-{n}": "" for n in range(count)}).check(), errors.InvalidInput),
    ("MAX_HEADER_CHARACTERS", lambda size: hook(headers={"X-A": "v" * size}).check(), errors.InvalidInput),
    ("MAX_HOOK_SECRETS", lambda count: hook(secrets=(new_secret(),) * count).check(), errors.InvalidInput),
    (
        "MAX_TRANSFORM_CHARACTERS",
        lambda size: hook(payload_type=PayloadType.TRANSFORM, transform="1".ljust(size)).check(),
        errors.InvalidInput,
    ),
    ("MAX_FILENAME_CHARACTERS", lambda size: NewFile(filename="n" * size).check(), errors.InvalidInput),
    ("MAX_PURPOSE_CHARACTERS", lambda size: NewFile(purpose="p" * size).check(), errors.InvalidInput),
    ("MAX_RETENTION", lambda seconds: NewFile(ttl=seconds).check(), errors.InvalidInput),
    ("MAX_SYNC_TIMEOUT", rest("timeout", lambda seconds: b"%d" % seconds), errors.InvalidInput),
    ("MAX_RETENTION", checked_ttl, errors.InvalidInput),
    ("MAX_EXECUTE_AFTER", within, errors.InvalidInput),
    ("MAX_PAGE", page_limit, errors.InvalidInput),
    ("MAX_WAIT", lambda seconds: wait_seconds(f"{seconds}s"), errors.InvalidInput),
    ("MAX_TARGET_BYTES", lambda size: head(b"/".ljust(size, b"x")), errors.TargetTooLong),
    ("MAX_QUERY_PARAMETERS", lambda count: head(b"/&&?" + b"&".join([b"a=1"] * count)), errors.TargetTooLong),
    ("MAX_REQUEST_HEADERS", lambda count: head(headers=((b"x", b"y"),) * count), errors.HeadersTooLarge),
    ("MAX_REQUEST_HEADERS_BYTES", lambda size: head(headers=((b"x", b"y" * (size - 5)),)), errors.HeadersTooLarge),
    ("MAX_SYNC_CALLS", places(Admission(limits.MAX_SYNC_CALLS)), errors.Overloaded),
    ("MAX_PIPELINE_CALLS", places(Admission(10_000, limits.MAX_PIPELINE_CALLS)), errors.Overloaded),
]  # fmt: skip

#: Limits that other tests meet, by their files.
BY_FILE = {
    "e2e/test_limits_at_the_edge.py": {
        "MAX_BODY_BYTES": "test_a_body_may_have_as_many_bytes_as_the_setting_says",
        "MAX_METADATA_BYTES": "test_metadata_may_have_so_many_bytes",
    },
    "unit/adapters/test_jwt_tokens.py": {
        "MAX_TOKEN_CHARACTERS": "test_a_token_is_as_long_as_it_may_be_and_no_longer",
    },
    "unit/test_limit_edges.py": {
        "MAX_HOOKS_PER_EXECUTION": "test_an_execution_has_so_many_hooks_and_no_more",
    },
    "unit/adapters/test_pictures.py": {
        "MAX_IMAGE_PIXELS": "test_a_picture_has_as_many_pixels_as_the_limit_says",
        "MAX_FRAMES_PER_MEDIA": "test_a_tiff_has_as_many_frames_as_the_limit_says",
    },
    "unit/domain/test_page_range.py": {
        "MAX_PAGE_RANGE_CHARACTERS": "test_a_range_may_only_be_so_long",
        "MAX_PAGES_PER_MEDIA": "test_a_media_may_have_as_many_pages_as_the_limit_says",
    },
    "unit/core/test_converting.py": {
        "MAX_PAGES_PER_CALL": "test_a_call_may_have_as_many_pages_as_the_limits_say",
    },
    "integration/test_decoder_pool.py": {
        "LEAST_PAGE_DPI": "test_a_large_page_gets_fewer_dots_and_one_that_gets_too_few_is_refused",
        "DECODER_MEMORY": "test_a_media_that_takes_too_much_memory_is_past_the_limit",
        "DECODER_TIMEOUT": "test_a_media_that_takes_too_long_is_past_the_limit_while_another_is_read",
        "MAX_ZIP_ENTRIES": "test_an_office_document_unpacks_to_as_much_as_the_limits_say",
        "MAX_UNZIPPED_BYTES": "test_an_office_document_unpacks_to_as_much_as_the_limits_say",
        "MAX_ZIP_RATIO": "test_an_office_document_is_packed_as_tightly_as_the_limit_says",
    },
    "unit/adapters/triton/test_http_pool.py": {
        "MAX_INFERENCE_REPLY_BYTES": "test_an_answer_larger_than_the_limit_is_refused",
    },
    "unit/core/test_backlog.py": {
        "MAX_QUEUED_RUNS": "test_runs_are_taken_until_as_many_wait_as_may",
    },
    "unit/core/test_following.py": {
        "MAX_FOLLOWERS": "test_too_many_followers_are_refused_and_places_become_free",
    },
    "unit/core/test_payloads.py": {
        "MAX_DELIVERY_BYTES": "test_what_is_too_large_is_not_put_together",
    },
    "integration/test_transforms.py": {
        "MAX_TRANSFORM_DEPTH": "test_a_document_and_a_result_may_only_be_nested_so_deep",
        "MAX_TRANSFORM_BYTES": "test_a_result_may_only_be_so_large",
        "TRANSFORM_MEMORY": "test_a_document_that_does_not_fit_in_memory_is_past_the_limit",
        "TRANSFORM_TIMEOUT": "test_a_killer_ends_in_its_limit_while_another_call_is_answered",
    },
    "unit/api/test_rest_server.py": {
        "HEAD_TIMEOUT": "test_a_head_that_does_not_come_in_time_is_refused",
    },
    "unit/api/test_rest_door.py": {
        "BODY_TIMEOUT": "test_a_body_that_does_not_arrive_in_time_is_refused",
    },
    "unit/core/test_kept_files.py": {
        "MAX_FILE_BYTES": "test_a_file_is_as_large_as_it_may_be",
        "MAX_FILE_UPLOADS": "test_more_files_at_once_than_there_may_be_are_refused",
        "FILE_UPLOAD_TIMEOUT": "test_a_file_that_stands_still_is_given_up_and_leaves_nothing",
    },
    "unit/api/test_file_form.py": {
        "MAX_FILE_FIELD_BYTES": "test_a_field_is_as_large_as_it_may_be",
    },
    "unit/core/test_made_artifacts.py": {
        "MAX_ARTIFACTS_PER_ENTRY": "test_an_entry_has_as_many_artifacts_as_it_may",
        "MAX_ARTIFACT_BYTES": "test_an_artifact_is_as_large_as_it_may_be",
        "MAX_TENSOR_ELEMENTS": "test_a_tensor_stands_in_the_entry_up_to_its_limit",
    },
    "unit/api/test_form_parts.py": {
        "MAX_FORM_PARTS": "test_one_part_more_is_too_large",
        "MAX_PART_HEADERS": "test_headers_of_a_part_are_counted",
        "MAX_PART_HEADER_BYTES": "test_a_header_of_a_part_is_measured",
    },
    "unit/adapters/test_outgoing_media.py": {
        "MAX_URL_REDIRECTS": "test_as_many_redirects_as_there_may_be_are_followed",
        "URL_TIMEOUT": "test_who_is_silent_is_given_up_in_time",
    },
    "unit/core/test_sync_runs.py": {
        "SYNC_TIMEOUT": "test_a_run_past_its_deadline_is_timed_out",
    },
    "unit/core/test_keeping.py": {
        "QUEUE_TIMEOUT": "test_runs_that_waited_for_too_long_are_given_up",
    },
    "unit/adapters/triton/test_failures.py": {
        "MAX_REFUSAL_CHARACTERS": "test_a_refusal_is_cut_to_its_limit_and_shows_only_what_is_printable",
    },
}
ELSEWHERE = {name: (path, test) for path, tests in BY_FILE.items() for name, test in tests.items()}

#: Limits that no request meets: pauses, leases and retention, places that are waited for, how much is done at once.
INTERNAL = set(
    re.findall(
        r"\w+",
        """
        MIB PAGE_DPI MAX_PAGE_PIXELS PAGES_IN_HAND DECODER_CHILDREN MEDIA_IN_PARALLEL MAX_INFERENCES
        ABANDONED_INFERENCE_TIMEOUT CONNECT_TIMEOUT DEAD_PEER_TIMEOUT CONTROL_TIMEOUT HEALING_TIMEOUT
        FIRST_HEALING_PAUSE LONGEST_HEALING_PAUSE HEALED_AFTER STATEMENT_TIMEOUT COMMIT_WAIT_PER_CALL
        MAX_COMMIT_WAIT MAX_RUNS_PER_COMMIT DATABASE_CONNECTIONS DISCOVERY_INTERVAL DISCOVERY_FRESHNESS
        DRAIN_TIMEOUT DRAIN_LINGER KEEP_ALIVE_TIMEOUT DEFAULT_PAGE TRANSFORM_CHILDREN ENTRIES_PER_READ
        RUN_LEASE LEASE_SHARE LONGEST_BEAT MAX_ATTEMPTS FIRST_RETRY LONGEST_RETRY WRITE_RETRY ASYNC_TIMEOUT
        BACKLOG_FRESHNESS QUEUE_LOOK_TIMEOUT WORKER_RUNS RECONCILE_INTERVAL SWEEP_AFTER SWEEP_INTERVAL
        BLOBS_PER_SWEEP ROWS_PER_SWEEP EXECUTIONS_PER_SWEEP ENTRIES_PER_SWEEP REMOVAL_TIMEOUT REMOVAL_LEASE
        UPLOAD_TIMEOUT EXECUTION_RETENTION TRANSIENT_RETENTION KEY_RETENTION DELIVERY_RETENTION
        QUEUE_LOG_RETENTION FOLLOW_INTERVAL POLL_INTERVAL HEARTBEAT MAX_STREAM_AGE STREAM_RETRY DELIVERY_LEASE
        DELIVERIES_IN_HAND DELIVERY_INTERVAL DELIVERY_DRAIN DELIVERY_TIMEOUT DELIVERIES_PER_RECEIVER
        DELIVERY_BYTES_IN_HAND MAX_ANSWER_BYTES MAX_EXCERPT_CHARACTERS LONGEST_DELAY COUNTING_CONNECTIONS
        ISSUER_FRESHNESS ISSUER_PATIENCE ISSUER_PAUSE ISSUER_TIMEOUT KEYS_PER_LOOK MAX_KNOWN_TOKENS
        TOKEN_FRESHNESS KEY_FRESHNESS LEAST_TOKEN_SECRET MAX_AUDIT_EVENTS MAX_ISSUER_BYTES MAX_KNOWN_KEYS
        MAX_PIPELINES_PER_KEY TOKEN_LEEWAY FETCHES_PER_CALL URLS_IN_HAND URLS_PER_HOST FILE_RETENTION BLOB_PIECE_BYTES
        """,
    )
)
NAMES = {name for name in vars(limits) if name.isupper()}
MET = {name for name, _, _ in EDGES} | set(ELSEWHERE)


@pytest.mark.parametrize(
    ("name", "probe", "refusal"), EDGES, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(EDGES)]
)
def test_as_much_as_the_limit_is_taken_and_no_more(name: str, probe: Probe, refusal: type[errors.GatewayError]) -> None:
    limit = int(getattr(limits, name))
    probe(limit - 1)
    probe(limit)
    with pytest.raises(refusal) as refused:
        probe(limit + 1)
    assert type(refused.value) is refusal
    assert "xxx" not in refused.value.message


def test_every_limit_is_either_met_by_callers_and_tested_or_internal() -> None:
    assert sorted(NAMES - MET - INTERNAL) == []
    assert sorted(MET & INTERNAL) == []
    assert sorted((MET | INTERNAL) - NAMES) == []


@pytest.mark.parametrize(("path", "name"), ELSEWHERE.values())
def test_a_test_that_stands_elsewhere_is_there(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / path).read_text(), re.MULTILINE)


async def test_an_execution_has_so_many_hooks_and_no_more() -> None:
    built = await gateway()
    names = [f"hook-{number}" for number in range(limits.MAX_HOOKS_PER_EXECUTION + 1)]
    for name in names:
        await built.hooks.create(ANYONE, hook(hook_id=name))
    for count in (limits.MAX_HOOKS_PER_EXECUTION - 1, limits.MAX_HOOKS_PER_EXECUTION):
        assert len(await built.telling.wanted(None, names[:count])) == count
    with pytest.raises(errors.InvalidInput):
        await built.telling.wanted(None, names)


def test_media_that_are_too_large_are_refused_before_they_are_decoded() -> None:
    wrong = "!" * (limits.MAX_MEDIA_BYTES // 3 * 4 + 8)
    with pytest.raises(errors.MediaLimit) as refused:
        decode_media(wrong, "media[3]")
    assert refused.value.field == "media[3]"


def test_line_breaks_count_for_nothing() -> None:
    lines = base64.encodebytes(bytes(limits.MAX_MEDIA_BYTES)).decode()
    assert len(decode_media(lines, "media[0]")) == limits.MAX_MEDIA_BYTES


@pytest.mark.parametrize("depth", [10_000, 3_000_000])
def test_what_is_nested_deeper_than_any_stack_is_refused_and_nothing_breaks(depth: int) -> None:
    deep = b'{"a":%b}' % (b"[" * depth + b"]" * depth)
    for probe in (
        lambda: asked("ocr", b'{"inputs":%b}' % deep, 30),
        lambda: asked("ocr", b'{"observation":{"mediaContents":[%b]}}' % deep, 30),
        lambda: sync_call(pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", inputs=deep), 30),
        lambda: sync_call(pipelines_pb2.ExecuteSyncRequest(pipeline_id="ocr", meta_data=deep[:60_000]), 30),
        lambda: given_entries(entries(deep)),
    ):
        with pytest.raises(errors.InvalidRequest):
            probe()


def test_the_table_of_the_documentation_names_every_limit_that_callers_meet() -> None:
    told = (ROOT / "docs" / "limits.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", told, re.MULTILINE))
    assert rows.keys() == MET
    for name, value in rows.items():
        assert _number(value) == getattr(limits, name), name


def _number(told: str) -> float:
    """The value of a row, such as `48 MiB`, `1,000` or `30 s`."""
    amount, _, unit = told.strip().partition(" ")
    scales = {"MiB": limits.MIB, "KiB": 1024, "s": 1, "min": 60, "h": 3600, "days": 86400, "years": 365 * 86400, "": 1}
    return float(amount.replace(",", "")) * scales[unit]
