"""rq-dashboard under /admin/rq, behind our sign-in: for admins, on JSON, bounded, and without its buttons that destroy.

The only module of the web that knows RQ. What rq-dashboard 0.9 does by itself and must not do here, and how it is kept from
it, is in docs/decisions/0109-rqs-dashboard-behind-our-door.md.
"""

from __future__ import annotations

import json
import re
import secrets
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import rq_dashboard.web as dashboard
from flask import Flask, Response, current_app, g, request, url_for
from jinja2 import BaseLoader, Environment, FileSystemLoader
from redis import Redis
from rq import Queue, Worker, requeue_job
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import border
from jobs.errors import Conflict, Forbidden, NotFound
from web import problems
from web.auth import CSRF_HEADER, person
from web.backend import backend

NAME = "rq_dashboard"
PREFIX = "/admin/rq"
POLL_MS = 5000
QUEUES = 200  #: shown at most
REQUEUED = 1000  #: at once, at most
REGISTRIES = ("failed", "started", "deferred", "finished", "canceled", "scheduled")
NOT_JSON = "(not JSON: not read)"
REFUSED = {f"{NAME}.{view}" for view in ("delete_job_view", "empty_queue", "compact_queue")}

#: What may stand in its addresses: they are written into its scripts as they come.
PARTS: dict[str, str] = {
    "instance_number": "0",
    "queue_name": r"[A-Za-z0-9_.:@-]{1,200}",
    "registry_name": "|".join(("queued", *REGISTRIES)),
    "job_id": r"[A-Za-z0-9_.:@-]{1,200}",
    "per_page": "[1-9][0-9]?|1[0-9][0-9]|200",
    "page": "[1-9][0-9]{0,6}",
    "order": "asc|dsc",
    "filename": ".+",
}

#: Its pages need a few inline scripts, which carry this answer's nonce, and build tables with `new Function`.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: What is changed in its templates when they are read: each must be found.
MENDED = {
    "base.html": (
        ('<script type="text/javascript">', '<script nonce="{{ dashboard_nonce() }}">'),
        ("url_for('static', filename='favicon.ico')", "url_for('static', filename='lectern.svg')"),
    ),
    "inline_js.html": (
        (
            "var AUTOREFRESH_FLAG = 1;",
            "var AUTOREFRESH_FLAG = 1;\n$.ajaxSetup({ headers: { {{ CSRF_HEADER|tojson }}: {{ csrf_token()|tojson }} } });",
        ),
    ),
    "jobs.html": (("{% if registry_name == 'queued' %}\n        <a", "{% if false %}\n        <a"),),
    "queues.html": (('class="table-responsive-md"', 'class="table-responsive"'),),
    "navbar.html": (('<a class="navbar-brand">RQ-dashboard</a>', '<a class="navbar-brand" href="/admin">← Lectern</a>'),),
}
#: What underscore writes into a page as markup: all but what has been escaped already becomes text.
WRITTEN = re.compile(r"<%=((?:(?!%>|\.html\(\)).)*)%>", re.DOTALL)


def install(app: Flask) -> None:
    """Mount the dashboard. Whoever is no admin is turned away before any code of it runs."""
    bind()
    app.config.setdefault("RQ_DASHBOARD_POLL_INTERVAL", POLL_MS)
    app.config["RQ_DASHBOARD_REDIS_URL"] = ("lectern",)  # shown; what it connects to is `connection`
    app.config["RQ_DASHBOARD_DISABLE_DELETE"] = True
    app.before_request(guard)
    app.after_request(protect)
    app.register_error_handler(NoSuchJobError, lambda error: problems.answer(NotFound("RQ knows no such job any more")))
    app.register_error_handler(InvalidJobOperation, lambda error: problems.answer(Conflict(f"RQ refuses: {error}")))
    app.jinja_env.globals.update(dashboard_nonce=nonce, CSRF_HEADER=CSRF_HEADER)
    app.register_blueprint(dashboard.blueprint, url_prefix=PREFIX)


def bind() -> None:
    """Put ours in the place of what the dashboard would unpickle with, connect to and count by. The same each time."""
    dashboard.config.serializer = Plain
    dashboard.Job, dashboard.Worker, dashboard.Queue = ShownJob, ShownWorker, ShownQueue
    dashboard.requeue_job = requeue
    dashboard.from_url = connection
    dashboard.serialize_queues = counted
    dashboard.blueprint.jinja_loader = Mended(FileSystemLoader(f"{dashboard.blueprint.root_path}/templates"))


def guard() -> None:
    """Let nobody but admins in, only by addresses that are harmless, and to no button that destroys.

    Raises Forbidden, NotFound, Conflict. Who asks, and that a page of this server asks, auth.authenticate has found out before.
    """
    if request.blueprint != NAME:
        return
    if not person().admin:
        raise Forbidden("only an admin may look at RQ's dashboard")
    current_app.redis_conn = backend().store.redis  # type: ignore[attr-defined]  # which its own start would open once a process
    for name, value in (request.view_args or {}).items():
        if value is not None and not re.fullmatch(PARTS[name], str(value)):
            raise NotFound(f"there is nothing at {request.path}")
    if request.endpoint in REFUSED:
        raise Forbidden("RQ's dashboard deletes nothing here: cancel and delete jobs on Lectern's own pages, or use RQ's command line")
    if request.endpoint == f"{NAME}.requeue_all":
        check_requeue_all(str((request.view_args or {})["queue_name"]))


def check_requeue_all(queue: str) -> None:
    """Refuse what a link on any page could ask for, and what would not end. Raises Forbidden, Conflict."""
    if request.method != "POST":  # rq-dashboard takes a GET for it as well
        raise Forbidden("this changes something: send POST")
    failed = backend().store.redis.zcard(border.registry_key("failed", queue))
    if failed > REQUEUED:
        raise Conflict(f"{failed:,} have failed there, and at most {REQUEUED:,} are requeued at once; retry them on /admin, some at a time")


def protect(response: Response) -> Response:
    if request.blueprint == NAME:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.format(nonce=nonce())
    return response


def nonce() -> str:
    """Return the nonce of this answer; a script without it does not run."""
    if "dashboard_nonce" not in g:
        g.dashboard_nonce = secrets.token_urlsafe(16)
    made: str = g.dashboard_nonce
    return made


def requeue(job_id: str, connection: Redis) -> None:
    """Have a job run again; of many, those that cannot are passed over. Raises NoSuchJobError, InvalidJobOperation, Conflict."""
    try:
        requeue_job(job_id, connection=connection, serializer=JSONSerializer)
    except (NoSuchJobError, InvalidJobOperation, ValueError, TypeError, AttributeError) as error:
        if request.endpoint == f"{NAME}.requeue_all":
            return
        if isinstance(error, (NoSuchJobError, InvalidJobOperation)):
            raise
        raise Conflict(f"RQ job {job_id} is not JSON, which is all that is run here; enqueue it again as JSON") from error


def connection(*_: Any, **__: Any) -> tuple[None, Redis]:
    """Return the app's own client where the dashboard would make one a request."""
    return None, backend().store.redis


class Plain:
    """JSON, and a sentence for what is none: one job that somebody pickled must not take the page from all others."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return json.dumps(value).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return NOT_JSON


class ShownJob(Job):
    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, serializer: Any = None) -> Any:
        return super().fetch(id, connection=connection, serializer=Plain)

    def restore(self, raw_data: Any) -> Any:
        """As RQ's; what it cannot read is none of the asker's doing."""
        try:
            return super().restore(raw_data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NoSuchJobError(f"the hash of {self.id} cannot be read") from error

    def get_call_string(self) -> str | None:
        try:
            return super().get_call_string()
        except (DeserializationError, ValueError, TypeError, AttributeError):
            return self.description or NOT_JSON

    def latest_result(self, timeout: int = 0) -> Any:
        try:
            return super().latest_result(timeout)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, zlib.error):
            return None


class ShownWorker(Worker):
    job_class = ShownJob

    @classmethod
    def all(cls, connection: Redis | None = None, *_: Any, **__: Any) -> list[Any]:
        return list(super().all(connection=connection, job_class=ShownJob, serializer=Plain))


class ShownQueue(Queue):
    job_class = ShownJob

    @classmethod
    def all(cls, connection: Redis, *_: Any, **__: Any) -> list[Any]:
        """Return the first queues by name, those of Lectern before others, those that cannot stand in an address left out."""
        listed: Any = connection.smembers(border.QUEUES)
        names = [key.decode(errors="replace").removeprefix(border.queue_key("")) for key in listed]
        fit = (name for name in names if re.fullmatch(PARTS["queue_name"], name))
        shown = sorted(fit, key=lambda name: (border.queue_of(border.queue_key(name)) != name, name))[:QUEUES]
        return [cls(name, connection=connection, serializer=Plain) for name in sorted(shown)]

    def fetch_job(self, job_id: str) -> Any:
        """Return a job, also one of a lane, whose origin is its queue; RQ's own would take what it cannot read out of the queue."""
        try:
            return ShownJob.fetch(job_id, connection=self.connection)
        except NoSuchJobError:
            return None


def counted(instance_number: int, queues: Iterable[Queue]) -> list[dict[str, Any]]:
    """Return what dashboard.serialize_queues does, counted in one round trip instead of seven a queue."""
    queues = list(queues)
    if not queues:
        return []
    names = [queue.name for queue in queues]
    with queues[0].connection.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(border.queue_key(name))
            for registry in REGISTRIES:
                pipe.zcard(border.registry_key(registry, name))
        found = iter(pipe.execute())
    told = []
    for name in names:
        row: dict[str, Any] = {"name": name, "count": next(found)}
        row |= {f"{registry}_job_registry_count": next(found) for registry in REGISTRIES}
        for registry in ("queued", *REGISTRIES):
            place: dict[str, Any] = {"instance_number": instance_number, "queue_name": name, "registry_name": registry}
            row[f"{registry}_url"] = url_for(".jobs_overview", per_page=8, order="asc", page=1, **place)
        told.append(row)
    return told


class Mended(BaseLoader):
    """Read the dashboard's templates as they are to be here."""

    def __init__(self, theirs: BaseLoader) -> None:
        self._theirs = theirs

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, uptodate = self._theirs.get_source(environment, template)
        return mended(template.removeprefix(f"{NAME}/"), source), path, uptodate

    def list_templates(self) -> list[str]:
        return self._theirs.list_templates()


def mended(name: str, source: str) -> str:
    for old, new in MENDED.get(name, ()):
        if old not in source:
            raise LookupError(f"rq-dashboard's {name} is another than 0.9's: {old!r} is not in it")
        source = source.replace(old, new)
    return WRITTEN.sub(r"<%-\1%>", source)
