"""Storage keeps files whole and inside its root."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import Misconfigured, NotFound
from jobs.settings import settings
from jobs.storage import Storage

LARGE = bytes(range(256)) * 50_000  # 12.8 MB: more than two parts of a multipart upload


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    url = f"file://{tmp_path}/with%20space/storage" if request.param == "folder" else "memory:///"
    return Storage.open(url)


def test_what_is_put_can_be_read_back(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    storage.put_bytes("a/b/small", b"small")
    storage.put_bytes("uploads/-x_Y9/recording", b"an id may start with a dash")
    storage.put_file("a/large", tmp_path / "file")
    assert storage.get_bytes("a/b/small") == b"small"
    assert storage.size("a/large") == len(LARGE)
    seen: list[int] = []
    storage.fetch("a/large", tmp_path / "back", each=lambda: seen.append(1))
    assert (tmp_path / "back").read_bytes() == LARGE
    assert seen
    assert sorted(storage.list("a")) == ["a/b/small", "a/large"]


def test_a_range_is_read_without_its_end(storage: Storage) -> None:
    storage.put_bytes("large", LARGE)
    assert b"".join(storage.read("large", 10, 6_000_010)) == LARGE[10:6_000_010]
    assert b"".join(storage.read("large", len(LARGE) - 3)) == LARGE[-3:]
    assert b"".join(storage.read("large", 0, 10**12)) == LARGE
    assert list(storage.read("large", 5, 5)) == []
    storage.put_bytes("empty", b"")
    assert list(storage.read("empty")) == []


def test_a_written_file_appears_only_when_it_is_whole(storage: Storage) -> None:
    with storage.writer("report") as file:
        file.write(LARGE)
        assert not storage.exists("report")
        assert list(storage.list()) == []
    assert storage.get_bytes("report") == LARGE


def fail_while_writing(storage: Storage, key: str, data: bytes, error: type[BaseException]) -> None:
    with storage.writer(key) as file:
        file.write(data)
        raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    storage = Storage.folder(tmp_path)
    for written in (b"little", LARGE):
        with pytest.raises(error):
            fail_while_writing(storage, "jobs/report", written, error)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_failed_rewrite_keeps_the_file_that_was_there(storage: Storage) -> None:
    storage.put_bytes("report", b"first")
    with pytest.raises(OSError):
        fail_while_writing(storage, "report", LARGE, OSError)
    assert storage.get_bytes("report") == b"first"


def test_a_missing_file_is_not_found(storage: Storage, tmp_path: Path) -> None:
    assert not storage.exists("nothing")
    for ask in (storage.get_bytes, storage.size, storage.read, lambda key: storage.fetch(key, tmp_path / "x")):
        with pytest.raises(NotFound, match="nothing"):
            ask("nothing")
    assert not (tmp_path / "x").exists()


def test_deleting_a_folder_spares_its_neighbours(storage: Storage) -> None:
    for key in ("jobs/7f/merge/r/a", "jobs/7f/b", "jobs/7f3a/c", "uploads/7f/recording"):
        storage.put_bytes(key, b"x")
    assert storage.delete_prefix("jobs/7f/") == 2
    assert sorted(storage.list()) == ["jobs/7f3a/c", "uploads/7f/recording"]
    assert storage.delete_prefix("jobs/7f") == 0
    assert storage.delete_prefix("uploads/7f/recording") == 1


OUTSIDE = ["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "a\\b", "a\0b", "a\n", "half#1", ".env", "x" * 901]


@pytest.mark.parametrize("key", OUTSIDE)
def test_a_key_that_could_leave_the_root_is_refused(storage: Storage, key: str) -> None:
    uses = (storage.get_bytes, storage.read, storage.exists, storage.delete_prefix, storage.writer, lambda k: storage.put_bytes(k, b""))
    for use in uses:
        if key == "a/" and use == storage.delete_prefix:
            continue  # a folder may be named with its slash
        with pytest.raises(ValueError, match="storage key"):
            use(key)


def test_without_a_url_files_lie_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STORAGE_URL", raising=False)
    settings.cache_clear()
    try:
        Storage.open().put_bytes("uploads/1/recording", b"x")
    finally:
        settings.cache_clear()
    assert (tmp_path / "data/storage/uploads/1/recording").read_bytes() == b"x"


def test_a_url_that_means_nothing_names_the_setting() -> None:
    with pytest.raises(Misconfigured, match="STORAGE_URL"):
        Storage.open("gopher://bucket/x")
