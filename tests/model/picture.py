"""What the model says, as plain values under the same names as the picture of Redis; and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.dump import Picture
from tests.model.graph import Job, Node
from tests.model.policy import Clock, Share
from tests.model.verbs import Model


def picture_of_model(model: Model) -> Picture:
    policy = model.policy
    shown = [job for job in model.jobs.values() if job.status != "deleted"]
    return {
        "jobs": {job.id: model_job(job) for job in model.jobs.values()},
        "tasks": {node.id: model_node(node) for job in model.jobs.values() for node in job.nodes()},
        "listed": {job.id: job.created for job in shown},
        "statuses": {job.id: job.status for job in shown},
        "lanes": {str(lane): list(ids) for lane, ids in policy.lanes.items()},
        "places": {f"{queue} {priority}": orgs for (queue, priority), orgs in policy.places.items() if orgs},
        "turns": {f"{queue} {priority}": orgs for (queue, priority), orgs in policy.turns.items() if orgs},
        "parked": {org: set(policy.parked(org)) for _, org in policy.shares if policy.parked(org)},
        "held": {kind: ids for kind, ids in model.set_aside.items() if ids},
        "most_running": {org: (most, model.running_of(org)) for org, most in model.most_running.items() if most},
        "shares": {
            f"{queue} {org}": (share.v, share.running, share.waits, share.parked)
            for (queue, org), share in policy.shares.items()
            if share != Share()
        },
        "clocks": {
            queue: (clock.v, clock.furthest, clock.mean, clock.running, clock.claims, clock.last_turn)
            for queue, clock in policy.clocks.items()
            if clock != Clock()
        },
        "waiting": {lane.queue: policy.waiting(lane.queue) for lane in policy.lanes},
        "leases": model.leases,
        "delayed": model.delayed,
        "sweeps": model.sweeps,
        "paused": model.paused,
        "rq": {node.id: (node.rq_status, node.queue) for job in model.jobs.values() for node in job.nodes() if node.rq_status},
        "registries": dict(model_registries(model)),
    }


def model_job(job: Job) -> Picture:
    if job.status == "deleted":
        return {"status": "deleted"}
    return {
        "status": job.status,
        "cause": job.cause,
        "left": job.left,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "late": job.late,
        "split": [task.task for task in job.split],
    }


def model_node(node: Node) -> Picture:
    if node.job.status == "deleted":
        return {"state": node.state}
    told = {
        "state": node.state,
        "chained": node.chained,
        "unmet": node.unmet,
        "charged": node.charged,
        "allowance": node.allowance,
        "held": (node.run, node.worker, node.began, node.charged_until) if node.state == "running" else None,
        "progress": node.progress,
        "message": node.message,
        "error": node.error,
        "ended": node.ended,
        "output": node.output,
    }
    if node.n is not None:
        return {**told, "items": node.items}
    count = (len(node.children), node.completed_children, len(node.failed_children), node.allowed_failures if node.children else 0)
    return {**told, "cause": node.cause, "children": count, "to_revive": sorted(node.to_revive)}


def model_registries(model: Model) -> Iterator[tuple[str, set[str]]]:
    found: dict[str, set[str]] = {f"{name}:{queue}": set(ids) for (name, queue), ids in model.listed.items()}
    for node in model.nodes.values():
        if node.rq_status in ("deferred", "scheduled"):
            found.setdefault(f"{node.rq_status}:{node.queue}", set()).add(node.id)
        elif node.rq_status == "started":
            found.setdefault(f"wip:{node.queue}", set()).add(f"{node.id}:{node.run}")
    yield from ((name, ids) for name, ids in found.items() if ids)


def differences(expected: Picture, found: Picture) -> list[str]:
    """Say where they differ, a line each; an empty list is equality."""
    assert expected.keys() == found.keys()
    lines = []
    for part in expected:
        if expected[part] == found[part]:
            continue
        if not isinstance(expected[part], dict):
            lines.append(f"{part}: the model says {expected[part]}, Redis {found[part]}")
            continue
        for key in sorted({*expected[part], *found[part]}):
            one, other = expected[part].get(key), found[part].get(key)
            if one != other and isinstance(one, dict) and isinstance(other, dict):
                one, other = (
                    {name: value for name, value in side.items() if side[name] != against.get(name)}
                    for side, against in ((one, other), (other, one))
                )
            if one != other:
                lines.append(f"{part} {key}: the model says {one}, Redis {other}")
    return lines
