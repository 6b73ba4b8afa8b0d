from dataclasses import dataclass

import msgspec
import pytest

from gateway.core.artifacts import parted
from gateway.domain.access import ANYONE
from gateway.domain.artifacts import Artifact, with_artifacts
from gateway.domain.pipelines import Output, OutputRole, Pipeline
from gateway.domain.tensors import Value
from gateway.errors import (
    ArtifactNotFound,
    ExecutionNotFound,
    GatewayError,
    InvalidInput,
    StorageUnavailable,
    WiringInvalid,
)
from gateway.limits import MAX_ARTIFACT_BYTES, MAX_ARTIFACTS_PER_ENTRY, MAX_TENSOR_ELEMENTS
from gateway.ports import Dispatch, Inference
from unit.fakes import START, Gateway, call, gateway, pipeline, text

PNG = b"\x89PNG\r\n\x1a\n and more"
OUTPUTS = (
    Output("OBSERVATION", "BYTES", (1,), OutputRole.AUTO),
    Output("DRAWN", "BYTES", (-1,), OutputRole.ARTIFACT),
    Output("SCORES", "FP32", (-1,), OutputRole.TENSOR),
)
SEEN = text("OBSERVATION", b'{"rawText":"hello"}')


def drawing() -> Pipeline:
    return msgspec.structs.replace(pipeline(), outputs=OUTPUTS)


async def answering(*values: Value) -> Gateway:
    """A gateway whose only pipeline draws."""

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        return list(values)

    return await gateway(drawing(), answer=answer)


def scores(count: int) -> Value:
    return Value("SCORES", "FP32", (count,), (bytes(4 * count),))


@dataclass
class Found:
    """What one call left."""

    execution_id: str
    entries: list[dict[str, object]]


async def ran(built: Gateway, *media: bytes) -> Found:
    outcome = await built.runs.execute_sync(ANYONE, call(*media))
    return Found(outcome.execution_id, msgspec.json.decode(outcome.observation)["mediaContents"])


async def test_what_was_drawn_is_stored_recorded_and_named_by_its_entry() -> None:
    built = await answering(SEEN, text("DRAWN", PNG))
    found = await ran(built, b"one", b"two")
    page = await built.artifacts.page(ANYONE, found.execution_id, 10, None)
    assert [each["artifacts"] for each in found.entries] == [
        [{"artifactId": each.artifact_id, "name": "DRAWN", "contentType": "image/png", "size": len(PNG)}]
        for each in page.artifacts
    ]
    assert [each["rawText"] for each in found.entries] == ["hello", "hello"]
    assert sorted(built.blobs.kept) == sorted(each.blob for each in page.artifacts)
    assert built.records.doomed == {}
    artifact, pieces = await built.artifacts.content(ANYONE, found.execution_id, page.artifacts[0].artifact_id)
    assert (artifact, b"".join([piece async for piece in pieces])) == (page.artifacts[0], PNG)


async def test_a_pipeline_that_only_draws_has_entries_too() -> None:
    built = await answering(text("DRAWN", PNG, b"", b"else"))
    (entry,) = (await ran(built, b"one")).entries
    assert [each["size"] for each in entry["artifacts"]] == [len(PNG), 4]  # type: ignore[attr-defined]


async def test_nothing_drawn_is_no_artifact() -> None:
    built = await answering(SEEN, Value("DRAWN", "BYTES", (0,), (b"",)))
    (entry,) = (await ran(built, b"one")).entries
    assert "artifacts" not in entry
    assert (built.blobs.kept, built.records.doomed) == ({}, {})


@pytest.mark.parametrize(
    ("count", "stands"),
    [(MAX_TENSOR_ELEMENTS - 1, True), (MAX_TENSOR_ELEMENTS, True), (MAX_TENSOR_ELEMENTS + 1, False)],
)
async def test_a_tensor_stands_in_the_entry_up_to_its_limit(count: int, stands: bool) -> None:
    built = await answering(SEEN, scores(count))
    found = await ran(built, b"one")
    (entry,) = found.entries
    assert ("outputs" in entry) == stands
    assert ("artifacts" in entry) != stands
    if not stands:
        (made,) = (await built.artifacts.page(ANYONE, found.execution_id, 10, None)).artifacts
        assert (made.datatype, made.shape, made.size) == ("FP32", (count,), 4 * count)
        assert made.content_type == "application/octet-stream"


@pytest.mark.parametrize(
    "values",
    [
        (SEEN, Value("DRAWN", "UINT8", (1,), (b"x",))),
        (SEEN, Value("DRAWN", "BYTES", (1,), (b"x",))),
        (SEEN, text("DRAWN", *[b"x"] * (MAX_ARTIFACTS_PER_ENTRY + 1))),
        (text("OBSERVATION", b'{"rawText":"a","artifacts":[]}'), text("DRAWN", PNG)),
    ],
    ids=["no bytes", "cut off", "too many", "field"],
)
async def test_what_the_model_does_wrong_ends_the_run_and_leaves_no_artifact(
    values: tuple[Value, ...],
) -> None:
    built = await answering(*values)
    with pytest.raises(GatewayError) as failed:
        await ran(built, b"one")
    assert failed.value.http == WiringInvalid.http
    assert (built.records.artifacts, built.blobs.kept) == ([], {})


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)])
async def test_an_entry_has_as_many_artifacts_as_it_may(more: int, fits: bool) -> None:
    count = MAX_ARTIFACTS_PER_ENTRY + more
    built = await answering(SEEN, text("DRAWN", *[b"x"] * count))
    if fits:
        (entry,) = (await ran(built, b"one")).entries
        assert len(entry["artifacts"]) == count  # type: ignore[arg-type]
        return
    with pytest.raises(WiringInvalid):
        await ran(built, b"one")


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, True), (1, False)])
async def test_an_artifact_is_as_large_as_it_may_be(more: int, fits: bool) -> None:
    built = await answering(SEEN, text("DRAWN", bytes(MAX_ARTIFACT_BYTES + more)))
    if fits:
        found = await ran(built, b"one")
        (made,) = (await built.artifacts.page(ANYONE, found.execution_id, 10, None)).artifacts
        assert made.size == MAX_ARTIFACT_BYTES + more
        return
    with pytest.raises(WiringInvalid):
        await ran(built, b"one")


async def test_a_transient_call_is_refused_before_triton_is_asked() -> None:
    built = await answering(SEEN, text("DRAWN", PNG))
    with pytest.raises(InvalidInput) as refused:
        await built.runs.execute_sync(ANYONE, call(b"one", transient=True))
    assert refused.value.field == "transient"
    assert built.engine.asked == []


async def test_a_transient_call_cannot_keep_a_tensor_that_nobody_declared() -> None:
    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        return [scores(MAX_TENSOR_ELEMENTS + 1)]

    built = await gateway(answer=answer)
    with pytest.raises(WiringInvalid):
        await built.runs.execute_sync(ANYONE, call(b"one", transient=True))
    assert built.blobs.kept == {}


async def test_artifacts_that_cannot_be_stored_fail_the_run() -> None:
    built = await answering(SEEN, text("DRAWN", PNG))
    built.blobs.failure = StorageUnavailable()
    with pytest.raises(StorageUnavailable):
        await ran(built, b"one")
    assert built.records.artifacts == []
    assert len(built.records.doomed) == 1


async def test_a_run_that_cannot_be_recorded_leaves_its_artifacts_doomed() -> None:
    built = await answering(SEEN, text("DRAWN", PNG))
    announce = built.doomed.announce

    async def then_fail(blobs: list[str], patience: float) -> None:
        await announce(blobs, patience)
        built.records.failure = StorageUnavailable()

    built.doomed.announce = then_fail  # type: ignore[method-assign]
    with pytest.raises(StorageUnavailable):
        await ran(built, b"one")
    assert list(built.blobs.kept) == list(built.records.doomed)


async def test_what_is_not_there_is_not_found() -> None:
    built = await answering(SEEN, text("DRAWN", PNG))
    found = await ran(built, b"one")
    for name, error in (
        (found.execution_id, ArtifactNotFound),
        ("never", ExecutionNotFound),
        ("a/b", ExecutionNotFound),
    ):
        with pytest.raises(error):
            await built.artifacts.content(ANYONE, name, "no-uuid")
    built.blobs.kept.clear()
    (made,) = (await built.artifacts.page(ANYONE, found.execution_id, 10, None)).artifacts
    with pytest.raises(ArtifactNotFound):
        await built.artifacts.content(ANYONE, found.execution_id, made.artifact_id)


def artifact(**fields: object) -> Artifact:
    known = {
        "artifact_id": "a",
        "run_id": "r",
        "name": "N",
        "content_type": "image/png",
        "size": 3,
        "created_at": START,
    }
    return Artifact(**known | {"blob": "b"} | fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"{}", b"{"),
        (b" { } ", b" {"),
        (b'{"n" : 1.50 }\n', b'{"n" : 1.50,'),
    ],
)
def test_the_content_of_an_entry_stays_as_it_came(content: bytes, shown: bytes) -> None:
    named = b'"artifacts":[{"artifactId":"a","name":"N","contentType":"image/png","size":3,"page":2}]}'
    assert with_artifacts(content, [artifact(page=2)]) == shown + named
    assert with_artifacts(content, []) == content


def test_only_what_is_declared_or_too_large_is_put_aside() -> None:
    few, many = scores(3), scores(MAX_TENSOR_ELEMENTS + 1)
    drawn = text("DRAWN", PNG)
    assert parted(drawing(), [SEEN, drawn, few]) == ([drawn], [SEEN, few])
    assert parted(drawing(), [SEEN, many]) == ([many], [SEEN])
    assert parted(drawing(), [SEEN, few]) == ([], [SEEN, few])
