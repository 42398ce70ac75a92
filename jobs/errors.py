"""Every error the verbs raise. Each says who, in which state, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class LecternError(Exception):
    """Base of all errors of Lectern. `str(error)` is a sentence fit for the person who caused it."""


class InvalidSubmission(LecternError):
    """A submission that can never be accepted. `field` names what is wrong with a dotted path (`params.language`)."""

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


class Forbidden(LecternError):
    """The one who asks may not: it takes an admin. `field` names what of the submission, with a dotted path."""

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


class NotFound(LecternError):
    """No such job, task, upload or artifact (or not one that the asker may see)."""


class Unseen(NotFound):
    """No such job for the one who asks; `who` that is, as who.lua tells it."""

    def __init__(self, detail: str, who: Sequence[Any]) -> None:
        super().__init__(detail)
        self.who = who


class Nobody(LecternError):
    """A token that is nobody's, or no longer: whoever shows it is not known."""


class NoUpload(NotFound):
    """No such upload: it never was there, has expired, or is somebody else's."""

    def __init__(self, upload: str) -> None:
        super().__init__(f"there is no upload {upload}; it may have expired, upload the file again")


class Conflict(LecternError):
    """The thing is in a state that does not allow the call; the message says which state, and what to do."""


class Stale(LecternError):
    """This run no longer holds its task: its lease was lost, or the task was cancelled or retried.

    `state` is the task's state now.
    """

    def __init__(self, detail: str, *, state: str = "") -> None:
        super().__init__(detail)
        self.state = state


class Overloaded(LecternError):
    """Not now: Redis is nearly full or not writable. `retry_after_s` says when to try again."""

    def __init__(self, detail: str, *, retry_after_s: float = 30.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Limited(LecternError):
    """A person's limit is reached: of `requests` a minute, or of `bytes` or `seconds` a day.

    `limit` and `used` are in those units; something is free again after `retry_after_s`, all of it after `reset_s`.
    """

    def __init__(self, detail: str, what: str, *, limit: float, used: float, retry_after_s: float, reset_s: float) -> None:
        super().__init__(detail)
        self.what = what
        self.limit = limit
        self.used = used
        self.retry_after_s = retry_after_s
        self.reset_s = reset_s


class StorageFull(Overloaded):
    """Storage takes no more: the disk under it is full, or a quota is reached. Nothing half-written is to be seen."""


class Misconfigured(LecternError):
    """A setting stands in the way; the message names it and what to set."""


class Unplayable(LecternError):
    """The file is not a recording that can be transcribed; the sentence is for the person who uploaded it.

    `limit` is the number that was exceeded, if one was. `output` is what could be made all the same, as the task's output would be.
    """

    def __init__(self, detail: str, *, limit: float | None = None, output: Any = None) -> None:
        super().__init__(detail)
        self.limit = limit
        self.output = output
