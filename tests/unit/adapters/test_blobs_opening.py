from pathlib import Path

import pytest

from gateway.adapters.blobs.bucket import BucketStore
from gateway.adapters.blobs.failures import reason
from gateway.adapters.blobs.folder import FolderStore
from gateway.adapters.blobs.keys import checked
from gateway.adapters.blobs.opening import open_store
from gateway.errors import CannotStart


@pytest.mark.parametrize("host", ["", "localhost"])
async def test_a_file_url_opens_a_folder(tmp_path: Path, host: str) -> None:
    place = tmp_path / "with space é"
    store = await open_store(place.as_uri().replace("file://", f"file://{host}"))
    assert isinstance(store, FolderStore)
    await store.put("one/two", b"data")
    assert (place / "one" / "two").read_bytes() == b"data"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/blobs",
        "blobs",
        "file:",
        "file://",
        "file:///",
        "file://relative/folder",
        "file:///a%00b",
        "s3://",
        "s3:///prefix",
        "ftp://host/folder",
        "https://host/folder",
        "memory:///",
        "http://[",
        "s3://bucket/prefix?region=x",
        "s3://bucket/prefix#x",
    ],
)
async def test_a_url_that_names_no_store_cannot_be_started_with(url: str) -> None:
    with pytest.raises(CannotStart, match="--blob-url takes file:///folder, s3://bucket/prefix"):
        await open_store(url)


async def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    with pytest.raises(CannotStart, match="credentials come from the environment") as refused:
        await open_store("s3://name:secret@bucket/prefix")
    assert "secret" not in str(refused.value)


def test_a_bucket_that_the_environment_does_not_complete_cannot_be_started_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CannotStart, match=r"--blob-url cannot be used: .*Account must be specified"):
        BucketStore("az://container/prefix")


@pytest.mark.parametrize("key", ["a", "a/b", "a/b/c", "A.b_c-9/x", "a..b/..c", ".a/b.", "x" * 128])
def test_names_of_executions_and_media_make_keys(key: str) -> None:
    assert checked(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/./b",
        "a\\b",
        "a b",
        "a\n",
        "é",
        "a\0",
        "+incoming/a",
        "x" * 129,
    ],
)
async def test_any_other_key_is_a_mistake_of_ours(tmp_path: Path, key: str) -> None:
    store = await open_store(tmp_path.as_uri())
    for call in (store.put(key, b""), store.get(key), store.delete(["a", key])):
        with pytest.raises(ValueError, match="The key of a blob"):
            await call


def test_the_log_names_the_code_of_a_refusal_and_nothing_confidential() -> None:
    said = (
        "Generic S3 error: Error performing GET http://host/bucket/key?sig=private in 1ms - 403 Forbidden: "
        "<?xml?>\n<Error><Code>SignatureDoesNotMatch</Code><StringToSign>private</StringToSign></Error>"
        "\n\nDebug source:\nprivate"
    )
    told = reason(RuntimeError(said))
    assert told.startswith("Generic S3 error: Error performing GET http://host/bucket/key in 1ms")
    assert told.endswith("SignatureDoesNotMatch")
    assert "private" not in told
