"""POST /api/jobs of type export: several of one's own jobs, named; over HTTP and in a batch."""

from __future__ import annotations

from tests.web.conftest import ONE_TASK, Callers, Worker, problem


def test_finished_jobs_of_ones_own_are_taken_and_someone_elses_are_unknown(callers: Callers, worker: Worker) -> None:
    mine = callers.admin.submit("synthetic", params=ONE_TASK).json["id"]
    refused = problem(callers.admin.submit("export", params={"jobs": [mine]}), 422, "invalid")
    assert (refused["detail"], refused["field"]) == (f"job {mine} is pending; wait until it has ended", "params.jobs.0")
    worker.complete()

    assert callers.admin.submit("export", params={"jobs": [mine]}).status_code == 202
    for caller in (callers.owner, callers.stranger):
        refused = problem(caller.submit("export", params={"jobs": [mine]}), 422, "invalid")
        assert (refused["detail"], refused["field"]) == (f"there is no job {mine}", "params.jobs.0")
    batch = [{"type": "export", "params": {"jobs": [job]}} for job in (mine, "nowhere")]
    told = callers.admin("POST", "/api/jobs/batch", json=batch).json
    assert told[0].keys() == {"id", "url"}
    assert (told[1]["status"], told[1]["detail"]) == (422, "there is no job nowhere")
