"""A task divides its own work: each of its processes writes to a key of its own, recorded on the job, fenced by the task's run."""

from __future__ import annotations

import pytest

from jobs import control, pieces, record, show
from jobs.errors import Conflict, InvalidSubmission, Stale
from jobs.model import Failed, Spawn
from jobs.pieces import Piece
from jobs.remove import remove
from jobs.storage import Storage
from tests.jobs.hands import Hands, chain


def announced(hands: Hands, count: int = 3) -> tuple[str, list[Piece]]:
    job = hands.submit({"name": "a", "backoff_seconds": 0})
    return job, pieces.announce(hands.store, hands.claim(), count)


def test_pieces_are_recorded_on_the_job_before_anything_is_written(hands: Hands) -> None:
    job, _ = announced(hands)
    assert hands.store.redis.hget(f"app:jobs:{job}", "children:a") == f"3 app:jobs:{job}:children:a:*".encode()
    assert show.partial(hands.store, job)["items"] == []


def test_each_process_writes_to_a_key_of_its_own_and_partial_tells_all_of_them(hands: Hands) -> None:
    job, (first, _, third) = announced(hands)
    assert pieces.append(hands.store, third, 0, [{"said": "c"}]) == 1
    assert pieces.append(hands.store, first, 0, [{"said": "a"}, {"said": "b"}]) == 2
    told = show.partial(hands.store, job)
    assert told["items"] == [{"child": "a.0", "said": "a"}, {"child": "a.0", "said": "b"}, {"child": "a.2", "said": "c"}]
    pieces.append(hands.store, first, 2, [{"said": "d"}])
    assert show.partial(hands.store, job, told["cursor"])["items"] == [{"child": "a.0", "said": "d"}]
    assert pieces.read(hands.store, [first, third]) == [[{"said": "a"}, {"said": "b"}, {"said": "d"}], [{"said": "c"}]]


def test_what_is_put_out_is_a_change_that_whoever_looks_is_told(hands: Hands) -> None:
    job, (first, *_) = announced(hands)
    before = show.job(hands.store, job).revision
    pieces.append(hands.store, first, 0, [{"said": "a"}])
    assert show.job(hands.store, job).revision == before + 1


def test_an_append_that_is_made_twice_changes_nothing_and_one_at_another_place_is_refused(hands: Hands) -> None:
    _, (first, *_) = announced(hands)
    for _ in range(2):
        assert pieces.append(hands.store, first, 0, [{"n": 0}, {"n": 1}]) == 2
    with pytest.raises(Conflict):
        pieces.append(hands.store, first, 1, [{"n": 2}, {"n": 3}])


def test_a_piece_expires_by_itself(hands: Hands) -> None:
    job, (first, *_) = announced(hands)
    pieces.append(hands.store, first, 0, [{"n": 0}])
    assert hands.store.redis.ttl(f"app:jobs:{job}:children:a:0") > 0


def test_a_process_of_a_run_that_no_longer_holds_its_task_is_refused_and_the_next_run_finds_what_is_there(hands: Hands) -> None:
    job = hands.submit({"name": "a", "backoff_seconds": 0})
    lost = hands.claim()
    late, *_ = pieces.announce(hands.store, lost, 2)
    pieces.append(hands.store, late, 0, [{"n": 0}])
    hands.record(lost, Failed("broke"))
    with pytest.raises(Stale):
        pieces.append(hands.store, late, 1, [{"n": 1}])
    first, second = pieces.announce(hands.store, hands.claim(), 2)
    assert pieces.read(hands.store, [first, second]) == [[{"n": 0}], []]
    assert pieces.append(hands.store, first, 1, [{"n": "again"}]) == 2
    assert [item["n"] for item in show.partial(hands.store, job)["items"]] == [0, "again"]


def test_nothing_is_written_for_a_job_that_was_cancelled(hands: Hands) -> None:
    job, (first, *_) = announced(hands)
    control.cancel(hands.store, job)
    with pytest.raises(Stale):
        pieces.append(hands.store, first, 0, [{"n": 0}])


def test_a_deleted_job_takes_its_pieces_along(hands: Hands, tmp_path: object) -> None:
    job, (first, _, third) = announced(hands)
    for piece in (first, third):
        pieces.append(hands.store, piece, 0, [{"n": 0}])
    remove(hands.store, Storage.folder(tmp_path), job)  # type: ignore[arg-type]
    assert not hands.store.redis.keys(f"app:jobs:{job}*")
    with pytest.raises(Stale):
        pieces.append(hands.store, first, 1, [{"n": 1}])


def test_a_child_has_no_pieces_and_there_are_not_too_many(hands: Hands) -> None:
    hands.submit({"name": "a"})
    claimed = hands.claim()
    for count in (0, hands.store.settings.max_children + 1):
        with pytest.raises(InvalidSubmission, match="MAX_CHILDREN"):
            pieces.announce(hands.store, claimed, count)
    hands.record(claimed, Spawn(({}, {})))
    with pytest.raises(InvalidSubmission, match="is a child"):
        pieces.announce(hands.store, hands.claim(), 2)


def test_children_of_another_task_go_on_as_before(hands: Hands) -> None:
    job = hands.submit(*chain("a", "b"))
    hands.work(Spawn(({},)))
    child = hands.claim()
    record.append(hands.store, child, 0, [{"n": "child"}])
    hands.record(child)
    first, *_ = pieces.announce(hands.store, hands.claim(), 2)
    pieces.append(hands.store, first, 0, [{"n": "piece"}])
    assert show.partial(hands.store, job)["items"] == [{"child": "a.0", "n": "child"}, {"child": "b.0", "n": "piece"}]
    assert pieces.keys(hands.store, job) == [f"app:jobs:{job}:children:b:0", f"app:jobs:{job}:children:b:1"]
