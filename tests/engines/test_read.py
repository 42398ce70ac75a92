"""A transcript that is there already is read as segments, whatever it is written as; what is none is refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import NotFound, Unplayable
from jobs.model import Claimed, JobView, TaskView
from jobs.settings import Settings
from jobs.states import JobStatus, Priority, TaskState
from jobs.storage import Storage
from jobs.transcripts import MAX_BYTES
from tests.engines.conftest import Appended, Run
from workers.engines import read, segments
from workers.outcome import Later

Read = Callable[..., dict[str, Any]]

SAID = [
    {"start": 0.5, "end": 2.25, "text": "Good morning everyone.", "speaker": "S1"},
    {"start": 3.0, "end": 5.0, "text": "A cell is a small unit."},
]


class Used(Run):
    """A run whose job is made of others."""

    jobs: dict[str, JobView]

    def used(self, job: str) -> JobView:
        if job not in self.jobs:
            raise NotFound(f"there is no job {job}")
        return self.jobs[job]


@pytest.fixture
def run(settings: Settings, storage: Storage, tmp_path: Path) -> Callable[..., Used]:
    def run(jobs: dict[str, JobView] | None = None, **params: Any) -> Used:
        claimed = Claimed("r1", "9a", "read", None, "read", "short", "notes", 1, "ada", "maths", 1, 3, 5, 60, 0, params, {}, {})
        made = Used(claimed, settings, storage, tmp_path, Appended())
        made.jobs = jobs or {}
        return made

    return run


@pytest.fixture
def uploaded(run: Callable[..., Used], storage: Storage) -> Read:
    """Return a function that uploads a file of this name, has it read, and returns the output with the segments it points to."""

    def uploaded(name: str, content: str | bytes, **params: Any) -> dict[str, Any]:
        storage.put_bytes("uploads/u1/recording", content.encode() if isinstance(content, str) else content)
        context: Any = run(upload="u1", filename=name, **params)
        output = read.run(context, {})
        return {**output, "said": segments.read(context, {"read": output})}

    return uploaded


def test_json_of_ours_keeps_times_speakers_and_language(uploaded: Read) -> None:
    told = uploaded("week 1.json", json.dumps({"version": 1, "language": "en", "segments": SAID}))
    assert told["said"] == SAID
    assert {name: told[name] for name in ("segments", "seconds", "title", "filename", "language", "timed")} == {
        "segments": 2, "seconds": 5.0, "title": "week 1", "filename": "week 1.json", "language": "en", "timed": True,
    }  # fmt: skip


SRT = "1\n00:00:00,500 --> 00:00:02,250\nGood morning everyone.\n\n2\n00:00:03,000 --> 00:00:05,000\nA cell is a small unit.\n"
VTT = "WEBVTT\n\n00:00.500 --> 00:02.250\nGood morning everyone.\n\n00:03.000 --> 00:05.000\nA cell is a small unit.\n"

MARKED = "\ufeff" + VTT.replace("\n", "\r\n")  #: as Windows writes it


@pytest.mark.parametrize(("name", "written"), [("a.srt", SRT), ("A.SRT", SRT), ("a.vtt", VTT), ("a.vtt", MARKED)])
def test_subtitles_keep_their_times(uploaded: Read, name: str, written: str) -> None:
    told = uploaded(name, written)
    assert told["said"] == [{name: segment[name] for name in ("start", "end", "text")} for segment in SAID]
    assert (told["timed"], told["language"], told["seconds"]) == (True, "", 5.0)


def test_markup_of_subtitles_is_no_text(uploaded: Read) -> None:
    cues = "1\n00:01.000 --> 00:02.500 align:start\n<v Ada>Cells are <i>small</i>.</v>\n\n00:03.000 --> 00:04.000\nThey\ndivide.\n"
    vtt = f"WEBVTT\n\nNOTE by hand\n\n{cues}"
    assert [segment["text"] for segment in uploaded("a.vtt", vtt)["said"]] == ["Cells are small.", "They divide."]


def test_a_plain_text_is_cut_into_sentences_without_times(uploaded: Read) -> None:
    told = uploaded("lecture.txt", "A cell is\na small unit. Cells divide!\n\nA heading\n\nWhy? Because.", language="en")
    assert [segment["text"] for segment in told["said"]] == ["A cell is a small unit.", "Cells divide!", "A heading", "Why?", "Because."]
    assert {(segment["start"], segment["end"]) for segment in told["said"]} == {(0.0, 0.0)}
    assert (told["timed"], told["seconds"], told["language"]) == (False, 0.0, "en")


def test_the_cleaned_text_is_read_where_there_is_one(uploaded: Read) -> None:
    told = uploaded("a.json", json.dumps({"segments": [{**SAID[0], "cleaned": "Good morning, everyone."}, SAID[1]]}))
    assert [segment["text"] for segment in told["said"]] == ["Good morning, everyone.", SAID[1]["text"]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"\xff\xfe\x00", "UTF-8"),
        ("a.txt", b"a\0b", "NUL"),
        ("a.txt", b" \n", "empty"),
        ("a.json", b"{", "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b"[1, 2]", "no list `segments`"),
        ("a.json", b'{"segments": {"a": 1}}', "no list `segments`"),
        ("a.json", b'{"segments": [{"start": 0, "end": 1, "text": "a"}, {"start": 2, "end": 1, "text": "b"}]}', "segment 1 needs"),
        ("a.json", b'{"segments": [{"start": 0, "end": 1, "text": 5}]}', "segment 0 needs"),
        ("a.json", b'{"segments": [{"start": -1, "end": 1, "text": "a"}]}', "segment 0 needs"),
        ("a.json", b'{"segments": [{"start": NaN, "end": Infinity, "text": "a"}]}', "segment 0 needs"),
        ("a.json", b'{"segments": [{"start": 1' + b"0" * 400 + b', "end": 1, "text": "a"}]}', "segment 0 needs"),
        ("a.json", b'{"segments": [{"start": 0, "end": 1' + b"0" * 400 + b', "text": "a"}]}', "segment 0 needs"),
        ("a.json", b'{"segments": [{"start": 0, "end": 1, "text": "half \\ud83d"}]}', "segment 0 needs"),
        ("a.json", b'{"segments": [7]}', "segment 0 needs"),
        ("a.srt", b"this is a letter, not subtitles", "no cue"),
        ("a.vtt", b"WEBVTT\n\nnothing of the kind", "no cue"),
    ],
)
def test_what_is_no_transcript_is_refused_in_words(uploaded: Read, name: str, content: bytes, words: str) -> None:
    with pytest.raises(Unplayable, match=words):
        uploaded(name, content)


def test_what_is_too_large_is_not_read(uploaded: Read) -> None:
    with pytest.raises(Unplayable, match=f"at most {MAX_BYTES}") as refused:
        uploaded("a.txt", b"a" * (MAX_BYTES + 1))
    assert refused.value.limit == MAX_BYTES


def test_an_upload_that_is_gone_is_said_so(run: Callable[..., Any]) -> None:
    with pytest.raises(Unplayable, match="no longer there"):
        read.run(run(upload="u9", filename="a.txt"), {})


def finished(storage: Storage, **changed: Any) -> JobView:
    key = "jobs/7f/merge/r1/transcript.json"
    storage.put_bytes(key, json.dumps({"language": "en", "segments": SAID, "recording": {"filename": "week 1.ogg"}}).encode())
    made = {"name": "transcript.json", "bytes": 1, "media_type": "application/json", "key": key}
    given = {
        "id": "7f", "type": "transcription", "user": "ada", "org": "maths", "priority": Priority.NORMAL, "status": JobStatus.COMPLETED,
        "params": {"upload": "u1", "filename": "week 1.ogg"}, "created_at": 0.0, "started_at": 0.0, "ended_at": 0.0, "revision": 1,
        "tasks": (task("merge"),), "outputs": {"merge": {"artifacts": [made]}}, **changed,
    }  # fmt: skip
    return JobView(**given)


def task(name: str) -> TaskView:
    return TaskView(name, name, "short", TaskState.COMPLETED, False, ())


def test_the_transcript_of_another_job_is_read(run: Callable[..., Any], storage: Storage) -> None:
    context = run({"7f": finished(storage)}, job="7f")
    output = read.run(context, {})
    assert segments.read(context, {"read": output}) == SAID
    assert (output["title"], output["filename"], output["language"], output["timed"]) == ("week 1", "week 1.ogg", "en", True)


def test_a_job_that_is_being_worked_on_again_is_waited_for(run: Callable[..., Any], storage: Storage) -> None:
    again = finished(storage, status=JobStatus.RUNNING, outputs={})
    with pytest.raises(Later, match="job 7f is being worked on") as later:
        read.run(run({"7f": again}, job="7f"), {})
    assert later.value.delay_s == 10
    exported = finished(storage, status=JobStatus.RUNNING)  # the transcript is there, what comes after it is not
    assert read.run(run({"7f": exported}, job="7f"), {})["segments"] == 2


def test_a_job_without_a_transcript_or_that_is_gone_is_said_so(run: Callable[..., Any], storage: Storage) -> None:
    with pytest.raises(Unplayable, match="job 7f has no transcript: it is a quality job, completed"):
        read.run(run({"7f": finished(storage, type="quality", outputs={})}, job="7f"), {})
    with pytest.raises(Unplayable, match="no longer there: there is no job 7f"):
        read.run(run(job="7f"), {})
    gone = finished(storage)
    storage.delete_prefix("jobs/7f/merge")
    with pytest.raises(Unplayable, match="no longer there"):
        read.run(run({"7f": gone}, job="7f"), {})
