"""Submit many jobs that are alike, in pipelines: what a benchmark needs before it can begin."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from jobs import submit
from jobs.model import Json, Submission
from jobs.store import Store

AT_ONCE = 200

#: The six-task graph of both sides: each task with those it needs.
GRAPH: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",), "e": ("c",), "f": ("d", "e")}
ONE: dict[str, tuple[str, ...]] = {"a": ()}

USER = "bench"
_JOB, _ORG = "job_to_be", "org_to_be"


def synthetic(graph: Mapping[str, Sequence[str]], *, org: str = USER, **more: Json) -> Submission:
    """Return a submission of a graph whose tasks do nothing, or what `more` says."""
    tasks = [{"name": name, "needs": list(needs), **more} for name, needs in graph.items()]
    return Submission("synthetic", {"tasks": tasks}, USER, org, admin=True)


def wide(tasks: int) -> dict[str, tuple[str, ...]]:
    """Return a graph of so many tasks that need nothing of each other."""
    return {f"t{n}": () for n in range(tasks)}


class _Caught(Store):
    """A store that keeps what a submission would have sent."""

    sent: tuple[Any, ...] = ()

    def run(self, verb: str, *args: str | bytes | int | float) -> list[Any]:
        self.sent = (self.scripts[verb].sha, 0, *args)
        return [b"", 0]


def fill(store: Store, submission: Submission, jobs: int, orgs: Sequence[str] = ()) -> list[str]:
    """Submit `jobs` jobs like `submission`, of `orgs` in turn, as `submit` does but many in a pipeline; return their ids.

    At most 200 tasks each: no job may need more calls than one.
    """
    caught = _Caught(store.redis, store.settings)
    submit.submit(caught, Submission(submission.type, submission.params, USER, _ORG, admin=True), job=_JOB)
    before = store.redis.zcard(store.keys.jobs())
    store.redis.script_load(store.scripts["submit"].text)
    ids = [secrets.token_hex(8) for _ in range(jobs)]
    pairs = zip(ids, itertools.cycle(orgs or (submission.org,)), strict=False)
    with store.redis.pipeline(transaction=False) as pipe:
        while some := list(itertools.islice(pairs, AT_ONCE)):
            for job, org in some:
                own = {_JOB: job, _ORG: org}
                pipe.execute_command("EVALSHA", *(own.get(value, value) for value in caught.sent))
            pipe.execute()
    made = store.redis.zcard(store.keys.jobs()) - before
    if made != jobs:
        raise RuntimeError(f"{made} of {jobs} jobs were made")
    return ids


def completed(store: Store) -> int:
    return int(store.redis.zcard(store.keys.status("completed")))
