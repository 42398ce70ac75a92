"""What may not run here goes to RQ's failed registry with a sentence, and nothing of it is executed, fetched or unpickled."""

from __future__ import annotations

import base64
import http.server
import json
import os
import pickle  # noqa: TID251 what is planted is one
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Callback, Queue
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from jobs.store import Store
from tests.border.conftest import FUNCTIONS, LISTED, StartWorker, Worker, fetch, until

pytestmark = pytest.mark.usefixtures("sound")


class Plant:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    return tmp_path / "unpickled"


@pytest.fixture
def worker(start_worker: StartWorker) -> Worker:
    return start_worker(RQ_FUNCTIONS=LISTED)


def refused(redis: Redis, queue: Queue, rq_job: str) -> str:
    """Wait until a job is in the failed registry; return the sentence."""
    until(lambda: rq_job in FailedJobRegistry(queue=queue).get_job_ids())
    assert redis.hget(f"rq:job:{rq_job}", "status") == b"failed"
    ((_, result),) = redis.xrange(f"rq:results:{rq_job}")
    until(lambda: not redis.keys("app:plain:*"))
    assert not redis.keys("rq:wip:*")
    return zlib.decompress(base64.b64decode(result[b"exc_string"])).decode()


def plant(redis: Redis, rq_job: str, **fields: Any) -> None:
    """Put into the queue what RQ would, with `fields` as given."""
    data = json.dumps([f"{FUNCTIONS}.add", None, [1], {}])
    redis.hset(f"rq:job:{rq_job}", mapping={"data": data, "origin": "short", "status": "queued"} | fields)
    redis.rpush("rq:queue:short", rq_job)


def test_the_plant_grows_where_it_is_unpickled(grown: Path) -> None:
    pickle.loads(pickle.dumps(Plant(grown)))
    assert grown.exists()


@pytest.mark.parametrize("packed", [True, False])
def test_a_pickled_job_is_refused_and_not_unpickled(worker: Worker, queue: Queue, redis: Redis, grown: Path, packed: bool) -> None:
    data = pickle.dumps(Plant(grown))
    plant(redis, "planted", data=zlib.compress(data) if packed else data)
    assert "this RQ job is not JSON" in refused(redis, queue, "planted")
    assert not grown.exists()


def test_a_job_of_another_program_with_rqs_default_serializer_is_refused(worker: Worker, queue: Queue, redis: Redis) -> None:
    job = Queue("short", connection=redis).enqueue(f"{FUNCTIONS}.add", 1)
    assert "enqueue it with serializer=JSONSerializer" in refused(redis, queue, job.id)


def test_a_pickled_meta_is_refused_and_not_unpickled(worker: Worker, queue: Queue, redis: Redis, grown: Path) -> None:
    plant(redis, "planted", meta=pickle.dumps(Plant(grown)))
    assert "the meta of this RQ job is not JSON" in refused(redis, queue, "planted")
    assert not grown.exists()


def test_pickled_results_are_not_unpickled(worker: Worker, queue: Queue, redis: Redis, grown: Path) -> None:
    pickled = pickle.dumps(Plant(grown))
    redis.xadd("rq:results:planted", {"type": 1, "return_value": base64.b64encode(pickled)})
    plant(redis, "planted", result=pickled, exc_info=pickled)
    until(lambda: redis.hget("rq:job:planted", "status") == b"finished")
    assert not grown.exists()


def test_a_pickled_dependent_is_not_unpickled_either(worker: Worker, queue: Queue, redis: Redis, grown: Path) -> None:
    plant(redis, "planted", data=pickle.dumps(Plant(grown)), meta=pickle.dumps(Plant(grown)), status="deferred")
    redis.delete("rq:queue:short")
    redis.zadd("rq:deferred:short", {"planted": 1})
    redis.sadd("rq:job:first:dependents", "planted")
    redis.sadd("rq:job::planted:dependencies", "first")
    redis.hset("rq:job:planted", "dependency_ids", '["first"]')
    plant(redis, "first")
    assert "is not JSON" in refused(redis, queue, "planted")
    assert not grown.exists()


def test_a_function_that_is_not_listed_is_not_called(worker: Worker, queue: Queue, redis: Redis, tmp_path: Path) -> None:
    job = queue.enqueue("os.mkdir", str(tmp_path / "made"))
    assert "the function os.mkdir may not be called by RQ jobs here: add it to RQ_FUNCTIONS" in refused(redis, queue, job.id)
    assert not (tmp_path / "made").exists()


def test_nothing_may_be_called_unless_it_is_listed(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    start_worker()
    assert "add it to RQ_FUNCTIONS" in refused(redis, queue, queue.enqueue(f"{FUNCTIONS}.add", 1).id)


@pytest.mark.parametrize(
    "data", [["upper", "text", [], {}], [f"{FUNCTIONS}.add", {"a": 1}, [], {}], [f"{FUNCTIONS}.add", None, 3, {}], {}, [1]]
)
def test_what_is_no_call_of_a_function_is_refused(worker: Worker, queue: Queue, redis: Redis, data: Any) -> None:
    plant(redis, "planted", data=json.dumps(data))
    assert "this RQ job " in refused(redis, queue, "planted")


@pytest.mark.parametrize("when", ["on_success", "on_failure", "on_stopped"])
def test_callbacks_are_not_run(worker: Worker, queue: Queue, redis: Redis, tmp_path: Path, when: str) -> None:
    job = queue.enqueue(f"{FUNCTIONS}.boom" if when == "on_failure" else f"{FUNCTIONS}.add", **{when: Callback(f"{FUNCTIONS}.touch")})
    assert f"this RQ job has {when}, and callbacks are not run here: enqueue it without" in refused(redis, queue, job.id)
    kept = fetch(redis, job.id)
    assert f"{FUNCTIONS}.touch" in (kept._success_callback_name, kept._failure_callback_name, kept._stopped_callback_name)


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """The address of a web server, and what was asked of it."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", paths
        server.shutdown()


@pytest.mark.parametrize("status", ["finished", "failed"])
def test_webhooks_are_not_sent(worker: Worker, queue: Queue, redis: Redis, visited: tuple[str, list[str]], status: Any) -> None:
    url, paths = visited
    job = queue.enqueue(f"{FUNCTIONS}.add", 1, webhooks=[Webhook(url, status)])
    assert "this RQ job has webhooks, which are not sent from here" in refused(redis, queue, job.id)
    assert paths == []
    assert len(fetch(redis, job.id).webhooks) == 1  # it is the neighbour's, and stays as it was


def test_what_rq_cannot_read_is_refused(worker: Worker, queue: Queue, redis: Redis) -> None:
    plant(redis, "planted", created_at="yesterday")
    assert "this RQ job cannot be read" in refused(redis, queue, "planted")


def test_data_that_unpacks_to_very_much_is_not_unpacked(worker: Worker, queue: Queue, redis: Redis) -> None:
    plant(redis, "planted", data=zlib.compress(bytes(50_000_000)))
    assert "its data takes more than 16000000 bytes" in refused(redis, queue, "planted")


def test_an_id_that_is_too_long_is_refused(worker: Worker, queue: Queue, redis: Redis) -> None:
    plant(redis, "x" * 201)
    assert "too long" in refused(redis, queue, "x" * 201)
    plant(redis, "y" * 200)
    until(lambda: fetch(redis, "y" * 200).get_status() == "finished")


@pytest.mark.parametrize("junk", [b"", b"a:b", b"\xff\xfe", b"no such job", b"nothing-here", b"rq:queue:short", b"@x"])
def test_junk_in_the_inbox_is_dropped(worker: Worker, queue: Queue, redis: Redis, junk: bytes) -> None:
    redis.rpush("rq:queue:short", junk)
    job = queue.enqueue(f"{FUNCTIONS}.add", 1)
    until(lambda: fetch(redis, job.id).get_status() == "finished")
    assert not redis.exists("rq:queue:short")


def test_a_refused_job_runs_once_what_was_wrong_is_mended(start_worker: StartWorker, queue: Queue, redis: Redis, store: Store) -> None:
    first = start_worker()
    job = queue.enqueue(f"{FUNCTIONS}.add", 1)
    refused(redis, queue, job.id)
    first.process.kill()
    start_worker(RQ_FUNCTIONS=LISTED)
    Job.fetch(job.id, redis, JSONSerializer).requeue()
    until(lambda: fetch(redis, job.id).get_status() == "finished")
