"""What an engine may do while it runs, on a real store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import claim, control
from jobs.store import Store
from tests.workers.conftest import Jobs, take
from workers import context as context_module
from workers.context import Cancelled, Context, HandBack, Superseded
from workers.kit import Kit


@pytest.fixture
def context(kit: Kit, jobs: Jobs, store: Store) -> Context:
    jobs.synthetic(seconds=1)
    return Context(take(store), kit)


def commands(store: Store) -> int:
    return int(store.redis.info("stats")["total_commands_processed"]) - 1


def test_a_short_run_without_words_costs_no_word_with_redis(context: Context, store: Store) -> None:
    before = commands(store)
    for step in range(100):
        context.progress(step / 100)
        context.checkpoint()
    assert commands(store) == before + 1  # the second reading itself


def test_progress_is_written_at_most_twice_a_second_and_a_first_message_at_once(context: Context, jobs: Jobs) -> None:
    context.progress(0.1, "loading the model")
    job = context.claimed.job
    assert (jobs.task(job).progress, jobs.task(job).message) == (10.0, "loading the model")
    context.progress(0.2, "listening")
    assert jobs.task(job).progress == 10.0
    context._told_at -= context_module.PROGRESS_EVERY_S
    context.progress(2.0)
    assert (jobs.task(job).progress, jobs.task(job).message) == (100.0, "listening")


def test_every_call_is_a_sign_of_life(context: Context, kit: Kit) -> None:
    seen = {kit.pulse.signs()}
    for call in (context.checkpoint, lambda: context.progress(0.5)):
        call()
        assert kit.pulse.signs() not in seen
        seen.add(kit.pulse.signs())


def test_a_checkpoint_learns_of_a_cancel_within_a_second(context: Context, store: Store) -> None:
    control.cancel(store, context.claimed.job)
    context.checkpoint()
    context._told_at -= context_module.CHECK_EVERY_S
    with pytest.raises(Cancelled):
        context.checkpoint()


def test_a_checkpoint_learns_that_another_run_holds_the_task(context: Context, store: Store) -> None:
    claim.reap(store, now=time.time() + 60)
    take(store, "r2")
    context._told_at -= context_module.CHECK_EVERY_S
    with pytest.raises(Superseded):
        context.checkpoint()


def test_orders_are_heard_without_redis(context: Context, kit: Kit) -> None:
    kit.orders.draining = True
    with pytest.raises(HandBack):
        context.checkpoint()
    with pytest.raises(HandBack):
        context.progress(0.5)


def test_an_engine_works_on_while_redis_is_away(context: Context, kit: Kit, redis_away: None) -> None:
    context.progress(0.5, "still here")
    context._told_at -= context_module.CHECK_EVERY_S
    context.checkpoint()


@pytest.fixture
def redis_away(context: Context, store: Store) -> Iterator[None]:
    arguments = store.redis.connection_pool.connection_kwargs
    path, arguments["path"] = arguments["path"], "/nowhere/redis.sock"
    store.redis.connection_pool.disconnect()
    yield
    arguments["path"] = path
    store.redis.connection_pool.disconnect()


def test_keys_are_the_runs_own(context: Context) -> None:
    assert context.key("chunk-0001.flac") == f"jobs/{context.claimed.job}/a/r1/chunk-0001.flac"


def test_scratch_is_an_empty_folder_made_when_asked_for_and_removed_after(context: Context, tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []
    folder = context.scratch
    assert list(folder.iterdir()) == []
    assert context.scratch == folder
    (folder / "file").write_text("left behind")
    context.close()
    assert not folder.exists()


def test_its_log_names_job_task_and_run(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        context.log.info("model_loaded name=%s", "tiny")
    assert caplog.messages == [f"model_loaded name=tiny job={context.claimed.job} task=a run=r1"]


def test_a_task_that_is_no_child_has_no_writer(context: Context) -> None:
    with pytest.raises(RuntimeError, match="a is not a child"):
        context.writer()


def test_a_service_that_is_to_be_left_alone_is_left_alone_by_all(context: Context, kit: Kit, jobs: Jobs, store: Store) -> None:
    jobs.synthetic(seconds=1)
    another = Context(take(store, "r2"), kit)
    assert another.suspended("gemini") == (0.0, "")
    context.suspend("gemini", 60, "the day's quota is spent")
    wait_s, why = another.suspended("gemini")
    assert 50 < wait_s <= 60
    assert why == "the day's quota is spent"


def test_the_corrections_of_its_job_are_read_where_the_job_says(context: Context, store: Store) -> None:
    assert context.corrections() is None
    corrections = {"version": 1, "segments": {"0": {"text": "so"}}, "speakers": {}}
    context.storage.put_bytes("jobs/7f3a/corrections/1.json", json.dumps(corrections).encode())
    store.redis.hset(store.keys.job(context.claimed.job), "corrections", "jobs/7f3a/corrections/1.json")
    assert context.corrections() == corrections
