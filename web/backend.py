"""What the request handlers reach the rest through: settings, one Store and one Storage per process."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

from flask import current_app

from jobs.settings import Settings
from jobs.storage import Storage
from jobs.store import Store, connect
from web.receive import sweep
from web.recent import Recent

EXTENSION = "lectern"


class Backend:
    """Connects when first asked, so that a gunicorn worker opens its own connections after the fork."""

    def __init__(self, settings: Settings, *, store: Store | None = None, storage: Storage | None = None) -> None:
        self.settings = settings
        self.recent = Recent()
        self._lock = threading.Lock()
        self._store = store
        self._storage = storage

    @property
    def store(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = Store(connect(self.settings.redis_url), self.settings)
            return self._store

    @property
    def storage(self) -> Storage:
        with self._lock:
            if self._storage is None:
                self._storage = Storage.open(self.settings.storage_url or None)
            return self._storage

    @cached_property
    def incoming(self) -> Path:
        """The folder where uploads are received before they are checked and stored."""
        folder = Path(self.settings.data_dir) / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        return folder


def backend() -> Backend:
    """Return the backend of the app that serves this request."""
    found: Backend = current_app.extensions[EXTENSION]
    return found
