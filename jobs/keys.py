"""Build and describe every key. Python builds them with `Keys`; the scripts get the same templates as Lua functions.

Keys that begin with `rq:` are RQ's own and are built in `jobs/border.py` and `jobs/lua/rq.lua` alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Key(NamedTuple):
    template: str  #: below the prefix
    type: str  #: the Redis type
    holds: str
    life: str  #: what ends it: an expiry, or who deletes it


KEYS: dict[str, Key] = {
    "job": Key("jobs:{job}", "hash", "the job; `children:<task>`: pattern and count of the keys its children write to", "delete.lua"),
    "tasks": Key("jobs:{job}:tasks", "hash", "fixed at submit: `<task>` its line, `<task>:p` its payload", "delete.lua"),
    "params": Key("jobs:{job}:params", "string", "the job's parameters, JSON, where they take more than 64 bytes", "delete.lua"),
    "state": Key("jobs:{job}:state", "hash", "what changes: `<task>` its state, `<task>:<letter>` the rest", "delete.lua"),
    "outputs": Key("jobs:{job}:outputs", "hash", "`<task>` its committed output, JSON; `<task>:x` what it failed with", "delete.lua"),
    "callback": Key(
        "jobs:{job}:callback",
        "hash",
        "where its ends are told: url, line of the task that tells one, n ends so far, job that tells of the last",
        "delete.lua",
    ),
    "child_tasks": Key("jobs:{job}:tasks:{task}", "hash", "as tasks, for the children: `*` their line, `<n>:p` a payload", "delete.lua"),
    "child_state": Key("jobs:{job}:state:{task}", "hash", "as state, for the children of one task", "delete.lua"),
    "child_outputs": Key("jobs:{job}:outputs:{task}", "hash", "as outputs, for the children of one task", "delete.lua"),
    "child": Key(
        "jobs:{job}:children:{task}:{n}",
        "list",
        "what a child, or a piece that a task has announced, has put out so far, an item a JSON text",
        "expiry RETENTION_DAYS; delete.lua of a child's, remove of a piece's",
    ),
    "jobs": Key("jobs", "zset", "job ids by creation time", "delete.lua removes the id"),
    "user_jobs": Key("users:{user}:jobs", "zset", "a user's job ids by creation time", "delete.lua removes the id"),
    "org_jobs": Key("orgs:{org}:jobs", "zset", "an organisation's job ids by creation time", "delete.lua removes the id"),
    "status": Key("status:{status}", "zset", "job ids of one status by creation time", "the scripts move the id"),
    "users": Key("users", "set", "names of users", "people.remove"),
    "user": Key(
        "users:{user}",
        "hash",
        "org, role, created; max_requests, max_bytes, max_seconds where an admin set them; `token` of one added before people had several",
        "people.remove",
    ),
    "callback_secret": Key(
        "users:{user}:callbacks", "hash", "what signs a user's callbacks; `<former one>` until when it does as well", "people.remove"
    ),
    "user_tokens": Key("users:{user}:tokens", "set", "digests of a user's tokens, of some that have ended as well", "people.remove"),
    "rate": Key("rate:{user}", "string", "when all requests of a user's minute are free again (µs)", "expiry then"),
    "used": Key("used:{user}:{day}", "hash", "bytes uploaded and seconds of recordings submitted on a day of UTC", "expiry two days"),
    "org": Key(
        "orgs:{org}", "hash", "weight, max_running, running (counted while there is a max_running)", "people.remove of its last user"
    ),
    "orgs": Key("orgs", "set", "names of organisations that were given a weight or a limit", "people.remove of its last user"),
    "token": Key(
        "tokens:{digest}",
        "hash",
        "user, label, created, used, expires, idle (s without use that end it); the name is the token's SHA-256",
        "people_tokens.revoke, people.remove; an expiry where it lasts until a time, or as long as it is used",
    ),
    "link": Key("links:{digest}", "string", "whom a sign-in link signs in; the name is its code's SHA-256", "expiry; its use"),
    "scheduler": Key("scheduler", "string", "the token of the scheduler that leads", "expiry 15 s after it was last renewed"),
    "upload": Key(
        "uploads:{upload}",
        "hash",
        "who uploaded what, where it lies",
        "expiry UPLOAD_TTL_SECONDS until a job uses it; then the job's deletion",
    ),
    "upload_jobs": Key("uploads:{upload}:jobs", "set", "ids of the jobs that use an upload", "uploads.release of the last of them"),
    "ready": Key("ready:{queue}:{priority}", "zset", "organisations with waiting tasks by virtual time", "claim.lua empties it"),
    "turns": Key(
        "turns:{queue}:{priority}", "zset", "the same by the time since when they wait for a turn of rule 5", "claim.lua empties it"
    ),
    "chained": Key(
        "chained:{queue}:{priority}",
        "zset",
        "those of them with chained tasks; only with FAIR_ORDER=chained,priority",
        "claim.lua empties it",
    ),
    "parked": Key("parked:{org}", "set", "queues in which an organisation waits and may not run", "resume; the end of one of its runs"),
    "held": Key("held:{type}", "list", "`<rq_job>`: ready tasks of a paused job type, out of their lanes", "resume"),
    "fair": Key(
        "fair:{queue}:{org}",
        "hash",
        "v virtual time, n running, p letters of the priorities it waits in, c of those in which something chained may wait,"
        " t<letter><c or f> serial of a lane's last;"
        " while parked: k 1, y<letter> since when it waits for a turn of rule 5",
        "deleted or expired when idle",
    ),
    "clock": Key(
        "clock:{queue}",
        "hash",
        "v virtual clock, f furthest virtual time, m mean µs of a run, n running, t claims, s share of them that took a fresh task, "
        "l rule 5's last, d the t of its next turn, w<letter> ids in lanes",
        "one a queue, for ever",
    ),
    "speeds": Key("speeds", "hash", "`<engine>` µs of work for a second of audio, rolling", "one, for ever"),
    "quota": Key("quotas:{quota}", "string", "virtual clock of the line for a quota's places", "expiry when unused"),
    "quota_places": Key(
        "quotas:{quota}:places", "list", "when the last places were given away, as many as the quota has", "expiry when unused"
    ),
    "quota_waiting": Key("quotas:{quota}:waiting", "zset", "`<rq_job>` that wait for a place, by whose turn it is", "expiry when unused"),
    "quota_tags": Key("quotas:{quota}:orgs", "hash", "`<org>` its last place in virtual time", "expiry when unused"),
    "quota_suspended": Key("quotas:{quota}:suspended", "string", "why the service behind it is not to be asked", "expiry when it may be"),
    "leases": Key("leases", "zset", "`<rq_job>:<run>` by the lease's end", "record.lua, reap.lua"),
    "reaped": Key(
        "reaped", "string", "`<time> <time>`: when leases were looked at last; until when none is taken to have ended", "one, for ever"
    ),
    "delayed": Key("delayed", "zset", "`<rq_job>` by the time it is due", "claim.lua"),
    "bell": Key("bell:{queue}", "list", "at most one token: work waits and no idle worker was told", "claim.lua, wait"),
    "pauses": Key("pauses", "set", "`queue:<queue>`, `org:<org>`, `type:<job type>`: what no claim may take from", "pause.lua"),
    "plain": Key(
        "plain:{id}",
        "hash",
        "a plain RQ job's run, worker, queue, origin, began; how often one was lost; `anew` when it is to run again",
        "end_plain.lua, reap.lua; a day while it waits again",
    ),
    "patrol": Key("patrol", "string", "`<status> <place>`: how far the look for deleted rq_jobs has come", "one, for ever"),
    "sweeps": Key("sweeps", "zset", "jobs, and `type:<job type>`, with more tasks to bring in line than one call does", "sweep.lua"),
    "worker": Key(
        "worker:{worker}", "string", "`<run> <rq_job>,… <first recorded run> <state>,…`: a worker's last answers", "expiry a day"
    ),
    "samples": Key("samples:{queue}", "list", "`<unix s> <waiting> <oldest wait s> <completed> <failed>` a minute, newest first", "expiry"),
    "sampled": Key("sampled", "string", "the minute (unix s) that was noted last", "expiry"),
    "idem": Key("idem:{user}:{key}", "string", "`<job> <digest>`: what an Idempotency-Key was used for", "expiry a day"),
}


class Keys:
    """`Keys("app").state("7f3a")` is `app:jobs:7f3a:state`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def build(self, name: str, *parts: object) -> str:
        template = KEYS[name].template
        fields = re.findall(r"{(\w+)}", template)
        if len(parts) != len(fields):
            raise TypeError(f"key {name!r} takes {fields}, not {parts}")
        return f"{self.prefix}:{template.format(**dict(zip(fields, parts, strict=True)))}"

    def job(self, job: str) -> str:
        return f"{self.prefix}:jobs:{job}"

    def tasks(self, job: str) -> str:
        return self.build("tasks", job)

    def params(self, job: str) -> str:
        return self.build("params", job)

    def state(self, job: str) -> str:
        return self.build("state", job)

    def outputs(self, job: str) -> str:
        return self.build("outputs", job)

    def child_outputs(self, job: str, task: str) -> str:
        return self.build("child_outputs", job, task)

    def child(self, job: str, task: str, n: int) -> str:
        return self.build("child", job, task, n)

    def jobs(self) -> str:
        return self.build("jobs")

    def user_jobs(self, user: str) -> str:
        return self.build("user_jobs", user)

    def org_jobs(self, org: str) -> str:
        return self.build("org_jobs", org)

    def status(self, status: str) -> str:
        return self.build("status", status)

    def users(self) -> str:
        return self.build("users")

    def user(self, user: str) -> str:
        return self.build("user", user)

    def callback(self, job: str) -> str:
        return self.build("callback", job)

    def callback_secret(self, user: str) -> str:
        return self.build("callback_secret", user)

    def org(self, org: str) -> str:
        return self.build("org", org)

    def user_tokens(self, user: str) -> str:
        return self.build("user_tokens", user)

    def token(self, digest: str) -> str:
        return self.build("token", digest)

    def link(self, digest: str) -> str:
        return self.build("link", digest)

    def upload(self, upload: str) -> str:
        return self.build("upload", upload)

    def upload_jobs(self, upload: str) -> str:
        return self.build("upload_jobs", upload)

    def bell(self, queue: str) -> str:
        return self.build("bell", queue)

    def plain(self, rq_job: str) -> str:
        return self.build("plain", rq_job)

    def leases(self) -> str:
        return self.build("leases")

    def delayed(self) -> str:
        return self.build("delayed")

    def sweeps(self) -> str:
        return self.build("sweeps")


def lua(prefix: str, code: str) -> str:
    """Return `code` with each `k_<name>(…)` replaced by the Lua expression of that key: no script makes a function for it."""
    written = []
    end = 0
    for call in re.finditer(r"\bk_(\w+)\(", code):
        if call.start() < end:
            raise ValueError(f"a key within a key: {code[call.start() : call.start() + 60]}")
        arguments, closed = arguments_of(code, call.end())
        parts = re.split(r"{(\w+)}", f"{prefix}:{KEYS[call.group(1)].template}")
        if len(arguments) != len(parts[1::2]):
            raise ValueError(f"k_{call.group(1)} takes {parts[1::2]}, not {arguments}")
        given = iter(arguments)
        expression = " .. ".join(next(given) if index % 2 else f"'{part}'" for index, part in enumerate(parts) if part)
        written += [code[end : call.start()], f"({expression})"]
        end = closed
    return "".join([*written, code[end:]])


def arguments_of(code: str, start: int) -> tuple[list[str], int]:
    """Return what stands between the parentheses that opened before `start`, split at its commas, and where they close."""
    depth, arguments, begun = 0, [], start
    for at in range(start, len(code)):
        letter = code[at]
        if letter in "([{":
            depth += 1
        elif letter in ")]}" and depth:
            depth -= 1
        elif letter == ")" or (letter == "," and not depth):
            arguments.append(code[begun:at].strip())
            begun = at + 1
            if letter == ")":
                return [argument for argument in arguments if argument], at + 1
    raise ValueError(f"parentheses are not closed: {code[start : start + 60]}")
