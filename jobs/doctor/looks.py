"""Look at suspects, each as it is at one moment, and say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from jobs.doctor import of_jobs, of_keys, of_members, of_shares, of_tasks, read
from jobs.doctor.fault import Fault, Subject
from jobs.doctor.walk import Walk
from jobs.store import Store

MOST = 1000  #: faulty subjects of one kind that a run names and repairs; the rest is for the next

Faults = Iterable[Iterable[Fault]]  #: of each subject in turn


def look(store: Store, subjects: Iterable[Subject], walk: Walk) -> tuple[list[Fault], int]:
    """Return what is wrong with `subjects`, in the order of KINDS, and how many of them were not looked at."""
    found: list[Fault] = []
    unseen = 0
    listed = list(subjects)
    for kind, of_kind in KINDS.items():
        mine = [subject for subject in listed if subject.kind == kind]
        faulty = 0
        for at, faults in enumerate(of_kind(store, mine, walk)):
            some = list(faults)
            found += some
            faulty += bool(some)
            if faulty == MOST:
                unseen += len(mine) - at - 1
                break
    return found, unseen


def jobs(store: Store, subjects: Sequence[Subject], _: Walk) -> Faults:
    return map(of_jobs.faults, read.jobs(store, [subject.names[0] for subject in subjects]))


def tasks(store: Store, subjects: Sequence[Subject], walk: Walk) -> Faults:
    seen = read.tasks(store, [subject.names[0] for subject in subjects], walk.now, deep=True)
    retention_s = store.settings.retention_days * 86_400
    return (of_tasks.faults(task, retention_s=retention_s) for task in seen)


def shares(store: Store, subjects: Sequence[Subject], walk: Walk) -> Faults:
    return map(of_shares.faults, read.shares(store, [subject.names for subject in subjects], walk.unleased))


def depths(store: Store, subjects: Sequence[Subject], walk: Walk) -> Iterator[Iterable[Fault]]:
    for subject in subjects:
        queue, priority = subject.names
        yield of_shares.depth_faults(subject, *read.depth(store, queue, priority, walk.orgs.get(queue, ())))


def each(look_at: Callable[[Store, Subject], Iterable[Fault]]) -> Callable[[Store, Sequence[Subject], Walk], Faults]:
    return lambda store, subjects, walk: (look_at(store, subject) for subject in subjects)


#: What comes first explains what comes later.
KINDS: Mapping[str, Callable[[Store, Sequence[Subject], Walk], Faults]] = {
    "job": jobs,
    "held": each(of_members.look_at_held),
    "task": tasks,
    "plain": each(of_members.look_at_plain),
    "member": each(of_members.look),
    "share": shares,
    "depth": depths,
    "key": each(of_keys.look),
    "pause": each(of_members.look_at_pause),
}
