"""What the API answers about those who use it and those who work for it: users, tokens, organisations, workers, queues over time."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from jobs.orgs import Org
from jobs.people import Role
from web.openapi.answers import Count, Told
from web.troubles import Trouble


class User(Told):
    user: str
    org: str
    role: Role
    created_at: datetime


class Limit(Told):
    """What one may use of something; null where there is no limit."""

    limit: float | None
    remaining: float | None
    resets_in_seconds: float | None


class Limits(Told):
    requests: Limit = Field(description="a minute")
    upload_bytes: Limit = Field(description="a day")
    audio_minutes: Limit = Field(description="a day")


class Me(User):
    """Who asks."""

    limits: Limits


class UserSummary(User):
    """A user, as admins see one."""

    tokens: Count = Field(description="how many")
    last_used_at: datetime | None


class Users(Told):
    users: list[UserSummary]


class NewlyAdded(User):
    """A user who was just added."""

    token: str = Field(description="the first token, told this once")


class Removed(Told):
    """A user who was removed; the jobs stay, and go on."""

    user: str
    jobs_left: Count


class Token(Told):
    """What is told of a token; never the token itself."""

    id: str
    label: str
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: datetime | None
    current: bool = Field(description="it is the one that asks")


class NewlyMade(Token):
    """A token that was just made."""

    token: str = Field(description="the token itself, told this once")


class Tokens(Told):
    tokens: list[Token]


class AtWork(Told):
    """What a worker runs; of a plain RQ job only its id is known."""

    rq_job: str
    job: str
    task: str
    type: str
    user: str
    org: str
    began_at: datetime | None


class WorkerSeen(Told):
    """A worker, and what it does."""

    name: str
    host: str
    queues: list[str]
    state: str
    running: AtWork | None
    born_at: datetime | None
    heartbeat_at: datetime | None
    completed: Count
    failed: Count
    busy_seconds: float


class Workers(Told):
    workers: list[WorkerSeen]


class WorkerNamed(Told):
    worker: str


class Organisations(Told):
    organisations: list[Org]


class QueueHistory(Told):
    """A queue in each minute, the oldest first: lists of one length."""

    at: list[datetime | None]
    waiting: list[int]
    oldest_wait_seconds: list[float | None]
    completed: list[int]
    failed: list[int]


class History(Told):
    every_s: float
    queues: dict[str, QueueHistory]


class RedisRoom(Told):
    used_bytes: Count
    max_bytes: Count | None


class Health(Told):
    """What stands in the way of the work."""

    troubles: list[Trouble]
    redis: RedisRoom
    suspended: bool = Field(description="RQ's workers were told to wait")
