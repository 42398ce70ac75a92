"""A job class for programs that pass no serializer on, as rq-scheduler does not: JSON unless told otherwise."""

from __future__ import annotations

from typing import Any

from rq.job import Job
from rq.serializers import JSONSerializer


class JsonJob(Job):
    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:
        super().__init__(id, connection, serializer or JSONSerializer)
