import asyncio
import errno
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.adapters.blobs import folder
from gateway.adapters.blobs.folder import FolderStore
from gateway.errors import CannotStart, StorageUnavailable

Refusal = Callable[..., int]


@pytest.fixture
async def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "blobs")
    await store.open()
    return store


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def refusing(number: int) -> Refusal:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number), "secret/name")

    return refuse


async def test_a_blob_is_a_file_that_only_this_user_may_read(store: FolderStore, tmp_path: Path) -> None:
    await store.put("one/two", b"data")
    root = tmp_path / "blobs"
    assert files(root) == ["one/two"]
    assert (root / "one/two").stat().st_mode & 0o777 == 0o600
    assert [path.stat().st_mode & 0o777 for path in (root, root / "one", root / "+incoming")] == [0o700] * 3


async def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    root = tmp_path / "mounted"
    root.mkdir()
    root.chmod(0o755)
    await FolderStore(root).open()
    assert root.stat().st_mode & 0o777 == 0o755


async def test_the_file_is_on_the_disk_before_its_name_and_then_every_folder_that_leads_to_it(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "blobs"
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        opened = path_of(descriptor)
        done.append("file" if opened.is_file() else str(opened.relative_to(root)))
        fsync(descriptor)

    def spy_replace(source: str, target: str, **options: int) -> None:
        done.append("rename")
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    await store.put("one/two/three", b"data")
    assert done == ["file", ".", "one", "rename", "one/two"]


async def test_the_folder_itself_and_its_new_parents_are_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append(path_of(descriptor)))
    await FolderStore(tmp_path / "new" / "blobs").open()
    assert done == [tmp_path, tmp_path / "new", tmp_path / "new" / "blobs"]


async def test_a_crash_between_writing_and_renaming_leaves_no_blob(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "blobs"
    await store.put("one/two", b"before")
    with monkeypatch.context() as patch:
        patch.setattr(folder, "rename", lambda *_: None)
        await store.put("one/two", b"after")
        await store.put("one/new", b"after")
    assert await store.get("one/two") == b"before"
    assert len(files(root)) == 3
    for leftover in (root / "+incoming").iterdir():
        os.utime(leftover, (0, time.time() - 7200))
    fresh = root / "+incoming" / "being-written-by-another-process"
    fresh.touch()
    await FolderStore(root).open()
    assert files(root) == [f"+incoming/{fresh.name}", "one/two"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open"])
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no room left"),
        (errno.EDQUOT, "no room left"),
        (errno.EACCES, "does not let the gateway in"),
        (errno.EROFS, "does not let the gateway in"),
        (errno.EIO, "not reachable"),
    ],
)
async def test_a_disk_that_refuses_is_storage_unavailable_and_leaves_nothing(
    store: FolderStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
    number: int,
    message: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refusing(number))
        with pytest.raises(StorageUnavailable, match=message):
            await store.put("one/two", b"private")
    assert files(tmp_path / "blobs") == []
    [record] = [record for record in caplog.records if record.message == "blob.unavailable"]
    assert record.levelno == logging.WARNING
    assert vars(record)["said"] == os.strerror(number)


async def coming(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open"])
async def test_a_disk_that_refuses_a_piece_is_storage_unavailable_and_leaves_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refusing(errno.ENOSPC))
        with pytest.raises(StorageUnavailable, match="no room left"):
            await store.put_stream("one/two", coming(bytes(2_000_000), b"tail"))
    assert files(tmp_path / "blobs") == []


async def test_pieces_that_are_given_up_leave_nothing(store: FolderStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def never_ending() -> AsyncIterator[bytes]:
        yield bytes(2_000_000)
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put_stream("one/two", never_ending()))
    await begun.wait()
    assert len(files(tmp_path / "blobs")) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert files(tmp_path / "blobs") == []


async def test_what_comes_in_pieces_is_on_the_disk_before_its_name(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("file" if path_of(fd).is_file() else "folder"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda *names, **options: (done.append("rename"), replace(*names, **options)))
    await store.put_stream("one/two", coming(b"a", b"b"))
    assert done == ["file", "folder", "rename", "folder"]


async def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_them_all(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    await store.put("one/two", bytes(range(256)))
    assert await store.get("one/two") == bytes(range(256))


async def test_folders_that_are_empty_are_removed_and_the_others_stay(store: FolderStore, tmp_path: Path) -> None:
    for key in ("one/two/three", "one/four", "five/six"):
        await store.put(key, b"data")
    await store.delete(["one/two/three", "five/six"])
    root = tmp_path / "blobs"
    assert sorted(path.name for path in root.iterdir()) == ["+incoming", "one"]
    assert files(root) == ["one/four"]


async def test_a_put_wins_against_deletes_that_take_its_folder_away(store: FolderStore) -> None:
    async def put() -> None:
        for number in range(50):
            await store.put("one/kept", str(number).encode())

    async def take_away() -> None:
        for _ in range(100):
            await store.put("one/gone", b"")
            await store.delete(["one/gone"])

    await asyncio.gather(put(), take_away())
    assert await store.get("one/kept") == b"49"


async def test_a_folder_without_its_disk_is_away_rather_than_empty(store: FolderStore, tmp_path: Path) -> None:
    await store.put("one/two", b"data")
    (tmp_path / "blobs").rename(tmp_path / "unmounted")
    for call in (store.get("one/two"), store.put("one/two", b""), store.delete(["one/two"])):
        with pytest.raises(StorageUnavailable, match="not reachable"):
            await call
    assert not await store.ready()
    assert not (tmp_path / "blobs").exists()


async def test_a_disk_that_hangs_is_not_ready(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "CONNECT_TIMEOUT", 0.05)
    monkeypatch.setattr(folder, "create", lambda _: time.sleep(0.5))
    assert not await store.ready()


async def test_what_is_no_folder_cannot_be_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotStart, match=r"file of --blob-url cannot be used \(Not a directory\)"):
        await FolderStore(tmp_path / "file").open()
    monkeypatch.setattr(os, "open", refusing(errno.EACCES))
    with pytest.raises(CannotStart, match=r"--blob-url cannot be used \(Permission denied\)"):
        await FolderStore(tmp_path / "closed").open()
