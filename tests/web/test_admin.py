"""scripts.admin: users and jobs from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs import people, people_tokens
from jobs.people import Role
from jobs.settings import settings
from jobs.storage import Storage
from jobs.store import Store
from scripts import address
from scripts import admin as command
from scripts.admin import jobs as job_commands
from tests.web.conftest import ONE_TASK, Caller, Callers, Worker


class Admin:
    """Call the command and reads what it prints."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert command.main(list(arguments)) == code, self.capsys.readouterr().err
        told = self.capsys.readouterr()
        return told.err if code else told.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def admin(capsys: pytest.CaptureFixture[str], store: Store) -> Admin:
    return Admin(capsys)


def test_a_user_is_added_with_a_token_that_works(admin: Admin, store: Store) -> None:
    made = admin.json("users", "add", "ada", "--org", "physics", "--role", "admin")

    assert set(made) == {"user", "org", "token"}
    found = people.find(store, made["token"])
    assert found
    assert (found.user, found.org, found.role) == ("ada", "physics", Role.ADMIN)


def test_users_are_listed_renewed_and_removed(admin: Admin, store: Store) -> None:
    first = admin("users", "add", "ada", "--org", "physics").strip()

    assert [(user["user"], user["org"], user["role"]) for user in admin.json("users", "list")] == [("ada", "physics", "user")]
    assert "physics" in admin("users", "list")
    second = admin("users", "token", "ada").strip()
    assert people.find(store, first) is None
    assert people.find(store, second)
    admin("users", "remove", "ada")
    assert people.find(store, second) is None
    assert admin.json("users", "list") == []


def test_a_token_goes_alone_to_standard_output_and_to_a_person_it_is_explained(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told(*arguments: str) -> tuple[str, str]:
        assert command.main(["users", *arguments, "--data", str(tmp_path)]) == 0
        return tuple(capsys.readouterr())

    monkeypatch.setenv("LECTERN_URL", "https://lectern.test")
    out, said = told("add", "ada", "--org", "physics", "--label", "laptop")
    assert people.find(store, out.strip())
    assert "ada of physics was added (user)" in said
    assert "https://lectern.test/signin" in said
    out, said = told("token", "ada")
    assert people.find(store, out.strip())
    assert "all others have ended" in said
    assert told("token", "ada", "--json")[1] == ""

    address.publish(tmp_path, "http://127.0.0.1:8123")
    monkeypatch.delenv("LECTERN_URL")
    assert "http://127.0.0.1:8123/signin" in told("add", "ben", "--org", "physics")[1]
    address.withdraw(tmp_path)
    assert "http://127.0.0.1:8000/signin" in told("add", "cleo", "--org", "physics")[1]


def test_tokens_are_listed_and_revoked_one_by_one(admin: Admin, store: Store) -> None:
    first = admin.json("users", "add", "ada", "--org", "physics", "--label", "laptop")["token"]
    second, _ = people_tokens.new(store, "ada", label="nightly import")
    people.find(store, second)

    listed = admin.json("users", "tokens", "ada")
    assert [(token["label"], token["expires_at"], token["last_used_at"] is None) for token in listed] == [
        ("nightly import", None, False),
        ("laptop", None, True),
    ]
    table = admin("users", "tokens", "ada")
    assert "nightly import" in table
    assert "never" in table
    assert first not in table

    assert admin.json("users", "revoke", "ada", listed[1]["id"])["revoked"] is True

    assert people.find(store, first) is None
    assert people.find(store, second)
    assert "has no token" in admin("users", "revoke", "ada", listed[1]["id"], code=2)
    assert "no user" in admin("users", "tokens", "nobody", code=2)


def test_a_link_is_made_for_a_user(admin: Admin, store: Store) -> None:
    admin("users", "add", "ada", "--org", "physics")

    link = admin("users", "link", "ada", "--url", "https://lectern.test/").strip()
    made = admin.json("users", "link", "ada", "--url", "https://lectern.test")

    assert link.startswith("https://lectern.test/signin/")
    assert (made["user"], made["seconds"]) == ("ada", 900)
    assert people_tokens.invited(store, link.rsplit("/", 1)[1]) == people_tokens.invited(store, made["link"].rsplit("/", 1)[1]) == "ada"
    assert "no user" in admin("users", "link", "nobody", code=2)


def test_a_role_is_changed_and_an_admin_stays(admin: Admin) -> None:
    admin("users", "add", "ada", "--org", "physics", "--role", "admin")
    admin("users", "add", "ben", "--org", "physics")

    assert admin.json("users", "role", "ben", "admin")["role"] == "admin"
    assert "is a user now" in admin("users", "role", "ada", "user")
    assert "last admin" in admin("users", "role", "ben", "user", code=2)


def test_who_is_removed_says_how_many_jobs_stay(admin: Admin, callers: Callers, job: str) -> None:
    assert "1 jobs stay: jobs purge --user ada" in admin("users", "remove", "ada")
    assert admin.json("users", "remove", "ben") == {"user": "ben", "removed": True, "jobs_left": 0}


def test_what_is_refused_is_said_in_a_sentence(admin: Admin) -> None:
    admin("users", "add", "ada", "--org", "physics")

    assert "already" in admin("users", "add", "ada", "--org", "physics", code=2)
    assert "not of the form" in admin("users", "add", "A B", "--org", "physics", code=2)
    assert "no user" in admin("users", "token", "nobody", code=2)
    assert "no user" in admin("users", "remove", "nobody", code=2)
    assert "no job" in admin("jobs", "show", "nothing", code=2)
    assert "no such job" in admin("jobs", "cancel", "nothing", code=2)


def test_jobs_of_all_users_are_listed_and_filtered(admin: Admin, callers: Callers, job: str) -> None:
    other = callers.admin.submit("synthetic", params=ONE_TASK).json["id"]

    def ids(*filters: str) -> list[str]:
        return [found["id"] for found in admin.json("jobs", "list", *filters)]

    assert ids() == [other, job]
    assert ids("--user", "ada") == ids("--org", "physics") == ids("--type", "transcription") == [job]
    assert ids("--status", "completed") == ids("--older-than", "1h") == []
    assert ids("--limit", "1") == [other]
    assert job in admin("jobs", "list")


def test_a_job_is_shown_cancelled_and_retried(admin: Admin, job: str, worker: Worker) -> None:
    assert admin.json("jobs", "show", job)["status"] == "pending"
    assert "inspect" in admin("jobs", "show", job)
    assert admin.json("jobs", "cancel", job)["status"] == "cancelled"
    assert admin.json("jobs", "retry", job)["status"] == "running"
    worker.fail("no microphone")
    assert admin.json("jobs", "retry", job, "inspect")["tasks"][0]["state"] == "ready"
    assert "running" in admin("jobs", "retry", job, code=2)


def test_purge_deletes_ended_jobs_with_their_files_and_nothing_else(
    admin: Admin, owner: Caller, speech: bytes, worker: Worker, storage: Storage, redis: Redis
) -> None:
    ended, at_work = (owner.submit_file(speech).json["id"] for _ in range(2))
    worker.publish("transcript.txt", b"Good morning.")
    owner("POST", f"/api/jobs/{ended}/cancel")

    assert admin.json("jobs", "purge", "--user", "ada", "--dry-run") == {"purged": [ended], "dry_run": True}
    assert [found["id"] for found in admin.json("jobs", "list")] == [at_work, ended]

    assert admin.json("jobs", "purge", "--user", "ada")["purged"] == [ended]
    assert [found["id"] for found in admin.json("jobs", "list")] == [at_work]
    assert [key for key in storage.list() if ended in key] == []
    assert len([key for key in storage.list() if key.startswith("uploads/")]) == 1
    assert redis.keys(f"app:jobs:{ended}*") == []


def test_purge_asks_what_to_purge(admin: Admin) -> None:
    for arguments in (["jobs", "purge"], ["jobs", "purge", "--older-than", "soon"], ["jobs"], ["users", "add", "ada"]):
        with pytest.raises(SystemExit) as ended:
            admin(*arguments)
        assert ended.value.code == 2


def test_without_redis_it_says_how_to_get_one(admin: Admin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    settings.cache_clear()
    assert "scripts.serve" in admin("users", "list", "--data", str(tmp_path / "none"), code=2)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    assert "Redis does not answer" in admin("users", "list", code=2)


def test_a_list_reads_no_more_jobs_than_it_shows(admin: Admin, callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        callers.admin.submit("synthetic", params=ONE_TASK)
    monkeypatch.setattr(job_commands, "PAGE", 1)
    pages: list[Any] = []
    read = job_commands.show.listing

    def listing(*given: Any, **named: Any) -> Any:
        pages.append(named["cursor"])
        return read(*given, **named)

    monkeypatch.setattr(job_commands.show, "listing", listing)

    assert len(admin.json("jobs", "list", "--limit", "2")) == 2
    assert len(pages) == 2


def test_purge_says_where_it_looks_for_files_when_redis_is_elsewhere(
    admin: Admin, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.main(["jobs", "purge", "--user", "ada", "--data", str(tmp_path)]) == 0
    assert "STORAGE_URL" in capsys.readouterr().err

    monkeypatch.setenv("STORAGE_URL", f"file://{tmp_path}/storage")
    settings.cache_clear()
    assert command.main(["jobs", "purge", "--user", "ada", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
