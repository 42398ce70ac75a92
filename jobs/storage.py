"""Keep files: uploads, chunks, results. A local folder by default, a bucket by URL; nothing here is true of only one of them.

A key is a relative path of plain segments (`jobs/7f3a/merge/0c1d/transcript.txt`). What would leave the root, or what some store
would read differently than another, is refused. A file is seen whole or not at all: puts and writers show it when they end well.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from jobs.errors import Misconfigured, NotFound, StorageFull
from jobs.settings import settings

#: A segment does not start with a dot, so `.`, `..` and the empty one are out; `#` marks half files of the local store.
SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9_.@=+-]*"
KEY = re.compile(rf"{SEGMENT}(/{SEGMENT})*")
MAX_KEY_LENGTH = 900  #: bytes; S3 allows 1024 together with the bucket's prefix

READ_BYTES = 1 << 20
PART_BYTES = 5 << 20  #: smallest part that S3 takes in a multipart upload
DELETE_BATCH = 1000
FULL = re.compile(rf"\(os error (?:{errno.ENOSPC}|{errno.EDQUOT})\)")  #: how the local store words it; Python's own errors look otherwise


class Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class Storage:
    """Files by key. Safe to share between threads; open it after a fork, not before: it keeps threads of its own."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def open(cls, url: str | None = None) -> Storage:
        """Open the storage at `url` (none: STORAGE_URL, or a folder under DATA_DIR). Makes a local folder if it is missing."""
        url = url or settings().storage_url
        if not url:
            return cls.folder(Path(settings().data_dir) / "storage")
        if urlsplit(url).scheme == "file":
            return cls.folder(Path(unquote(urlsplit(url).path)))
        try:
            return cls(from_url(url))
        except (ValueError, obstore.exceptions.BaseError) as error:
            raise Misconfigured(f"STORAGE_URL={url!r} cannot be opened: {str(error).splitlines()[0]}") from None

    @classmethod
    def folder(cls, path: Path) -> Storage:
        """Keep files in a local folder, which is made if it is missing."""
        return cls(LocalStore(path.resolve(), automatic_cleanup=True, mkdir=True))

    def put_bytes(self, key: str, data: bytes) -> None:
        with room(key):
            obstore.put(self._store, checked(key), data)

    def put_file(self, key: str, path: Path | str) -> None:
        """Copy a local file into storage, streamed. Raises StorageFull, as everything that writes."""
        with room(key):
            obstore.put(self._store, checked(key), Path(path), chunk_size=PART_BYTES, max_concurrency=4)

    def writer(self, key: str) -> AbstractContextManager[Writable]:
        """Write a file piece by piece. It appears when the `with` block ends; an error in the block leaves nothing behind."""
        return self._writer(checked(key))

    @contextmanager
    def _writer(self, key: str) -> Iterator[Writable]:
        with room(key), obstore.open_writer(self._store, key, buffer_size=PART_BYTES, max_concurrency=4) as file:
            yield file

    def get_bytes(self, key: str) -> bytes:
        """Return a small file whole. Raises NotFound."""
        with missing(key):
            return bytes(obstore.get(self._store, checked(key)).bytes())

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but without `end`, in pieces of about 1 MB. Raises NotFound at once, not when iterated."""
        size = self.size(key)
        end = size if end is None else min(end, size)
        if start >= end:
            return iter(())
        with missing(key):
            answer = obstore.get(self._store, key, options={"range": (start, end)})
        return (bytes(piece) for piece in answer.stream(min_chunk_size=READ_BYTES))

    def fetch(self, key: str, path: Path | str, *, each: Callable[[], None] | None = None) -> None:
        """Copy a file from storage to `path`, streamed; call `each` after every piece, as a sign of life. Raises NotFound."""
        pieces = self.read(key)
        with open(path, "wb") as file:
            for piece in pieces:
                file.write(piece)
                if each:
                    each()

    def size(self, key: str) -> int:
        """Return a file's size in bytes. Raises NotFound."""
        with missing(key):
            return obstore.head(self._store, checked(key))["size"]

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except NotFound:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys in the folder `prefix` and below it (`jobs/7f` does not find `jobs/7f3a/…`), in no order."""
        for batch in self._store.list(checked(prefix.rstrip("/")) if prefix else None):
            yield from (meta["path"] for meta in batch)

    def ages(self, folder: str) -> Iterator[tuple[str, float]]:
        """Yield the keys in `folder` and below it, each with when it was written (s since the epoch)."""
        for batch in self._store.list(checked(folder)):
            yield from ((meta["path"], meta["last_modified"].timestamp()) for meta in batch)

    def delete_prefix(self, prefix: str) -> int:
        """Delete the folder `prefix` (or the one file of that name) with all below it; return how many files there were."""
        prefix = checked(prefix.rstrip("/"))
        keys = [*self.list(prefix), *([prefix] if self.exists(prefix) else [])]
        for first in range(0, len(keys), DELETE_BATCH):
            self._delete(keys[first : first + DELETE_BATCH])
        return len(keys)

    def _delete(self, keys: Sequence[str]) -> None:
        try:
            obstore.delete(self._store, keys)
        except FileNotFoundError:
            # Lost the race: someone else deletes the same folder. One by one, so that the rest of the batch goes too.
            for key in keys:
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError:
                    continue


def checked(key: str) -> str:
    """Return `key` if every store takes it and none can be led outside its root by it. Raises ValueError: keys are ours, not input."""
    if len(key) > MAX_KEY_LENGTH or not KEY.fullmatch(key):
        raise ValueError(f"storage key {key[:100]!r} is not a relative path of plain segments ({SEGMENT})")
    return key


@contextmanager
def missing(key: str) -> Iterator[None]:
    """Turn every store's own way to say that a file is not there into NotFound."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"storage holds no file {key}") from None


@contextmanager
def room(key: str) -> Iterator[None]:
    """Turn a full disk into StorageFull. The local store writes beside the file and renames: what failed was never there."""
    try:
        yield
    except (obstore.exceptions.BaseError, OSError) as error:
        if not FULL.search(str(error)):
            raise
        raise StorageFull(f"the disk under the storage is full: {key} could not be written; free some space there and try again") from None
