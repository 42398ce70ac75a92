"""Notes by Gemini: asked once where that is allowed, kept as far as they hold, and else those made offline, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench import lectures
from bench.lectures import spoken
from jobs.model import Spawn
from tests.gemini.api import Api, Asked, Reply, day_spent, failed, kept_back, key_refused, rate_limited, said
from tests.gemini.conftest import NOW, Run
from tests.notes.test_draft import GOOD
from workers.engines import noted, notes, notes_part, segments
from workers.notes.shape import Notes
from workers.outcome import Later, TryAgain

SEGMENTS = spoken(lectures.PLANTS)


class Asking:
    """A job that takes notes of a lecture, task by task."""

    def __init__(self, run: Callable[..., Run], **config: Any) -> None:
        self.make, self.config = run, config
        self.runs = 0
        self.children: list[Any] = []
        reading = self.run("read")
        self.inputs: dict[str, Any] = {
            "read": {"key": segments.put(reading, "segments.json", SEGMENTS), "language": "en", "filename": "week 1.json"}  # type: ignore[arg-type]
        }

    def run(self, task: str, **claimed: Any) -> Any:
        self.runs += 1
        made = self.make(task=task, engine=task, run=f"run{self.runs}", **{"type": "notes", **claimed}, **self.config)
        made.children["notes"] = self.children
        return made

    def take(self) -> Any:
        """Run `notes`, and return what it did."""
        told = notes.run(self.run("notes"), self.inputs)
        self.inputs["notes"] = told.output if isinstance(told, Spawn) else told
        return told

    def ask(self, payload: Any, attempt: int = 1) -> dict[str, Any]:
        """Run a child, and keep its output as record would."""
        told = notes_part.run(self.run("notes", child=0, payload=payload, attempt=attempt), {})
        self.children.append(json.loads(json.dumps(told)))
        return told

    def told(self) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
        """Return what merge reads: the notes, its warnings, the provenance."""
        context = self.run("merge")
        found, provenance = noted.read(context, self.inputs), noted.provenance(context, self.inputs)
        assert found is not None
        assert provenance is not None
        assert Notes.model_validate(found).checked(len(SEGMENTS))
        return found, noted.warnings(context, self.inputs), provenance


@pytest.fixture
def asking(run: Callable[..., Run]) -> Asking:
    return Asking(run)


@pytest.mark.parametrize(
    ("config", "warned"),
    [
        ({"GEMINI_API_KEY": "", "THIRD_PARTIES": ""}, []),
        ({"GEMINI_API_KEY": "", "THIRD_PARTIES": "gemini"}, []),
        ({"GEMINI_API_KEY": "k", "THIRD_PARTIES": ""}, [notes.NOT_ALLOWED]),
    ],
)
def test_without_key_or_leave_nothing_is_sent(run: Callable[..., Run], api: Api, config: dict[str, str], warned: list[str]) -> None:
    job = Asking(run, **config)
    assert not isinstance(job.take(), Spawn)
    found, warnings, provenance = job.told()
    assert (found["engine"], found["warnings"], warnings, api.asked) == ("offline extractive", warned, [], [])
    assert job.inputs["notes"]["warnings"] == warned
    assert "sets THIRD_PARTIES=gemini" in notes.NOT_ALLOWED
    assert provenance["third_party"] is None


def test_gemini_is_asked_once_for_the_whole_and_what_holds_is_kept(run: Callable[..., Run], api: Api, sdk: str) -> None:
    asking = Asking(run, GEMINI_SDK=sdk)
    made_up = {"text": "Napoleon crossed the Alps in winter.", "segments": [3]}
    api.answers(said({**GOOD, "summary": [*GOOD["summary"], made_up]}))

    spawn = asking.take()
    assert isinstance(spawn, Spawn)
    assert (spawn.engine, len(spawn.children), spawn.allowed_failures) == ("notes_part", 1, 1)
    assert notes_part.QUOTA == "gemini"
    assert spawn.children[0]["since"] == NOW
    asking.ask(spawn.children[0])

    (asked,) = api.asked
    lines = lectures.PLANTS.splitlines()
    assert all(f"{n}: {line}" in asked.prompt for n, line in enumerate(lines))
    assert "never instructions" in asked.prompt
    found, warnings, provenance = asking.told()
    assert (found["engine"], found["model"], found["dropped"]) == ("gemini", "gemini-2.5-flash", 1)
    assert [point["text"] for point in found["summary"]] == [GOOD["summary"][0]["text"]]
    assert warnings == ["1 item of Gemini's notes left out: not borne out by the segments named for it"]
    assert (provenance["third_party"], provenance["model"]) == ("Google Gemini", "gemini-2.5-flash")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (kept_back("SAFETY"), "."),
        (kept_back("RECITATION"), "."),
        (said({**GOOD, "title": 5}), "."),
        (said('{"title": {"text": "cut o', "MAX_TOKENS"), "."),
        (said({name: ({"text": "x", "segments": []} if name == "title" else []) for name in GOOD}), "borne out"),
        (key_refused(), "key"),
        (failed(500, "INTERNAL", "trouble"), "."),
    ],
    ids=["safety", "recitation", "unreadable", "cut", "nothing holds", "key", "server"],
)
def test_when_no_answer_can_be_used_the_notes_are_those_made_offline_and_say_why(
    asking: Asking, api: Api, reply: Reply, words: str
) -> None:
    api.answers(reply)
    spawn = asking.take()

    told = asking.ask(spawn.children[0], attempt=3)

    found, warnings, provenance = asking.told()
    assert found["engine"] == "offline extractive"
    assert found["summary"]
    assert warnings == [f"the notes were made offline, not by Gemini: {told['failed']}"]
    assert found["warnings"] == warnings
    assert words in told["failed"] or words == "."
    assert provenance == {**spawn.output["provenance"], "third_party": "Google Gemini"}  # made here, but it was asked


def test_a_limit_of_the_rate_and_trouble_while_attempts_are_left_are_waited_for(asking: Asking, api: Api) -> None:
    spawn = asking.take()
    api.answers(rate_limited("2s"))
    with pytest.raises(Later):
        asking.ask(spawn.children[0], attempt=3)
    api.answers(failed(503, "UNAVAILABLE", "busy"))
    with pytest.raises(TryAgain):
        asking.ask(spawn.children[0], attempt=2)


def test_a_spent_day_is_not_waited_for_and_the_notes_say_how_to_ask_again(asking: Asking, api: Api) -> None:
    spawn = asking.take()
    api.answers(day_spent())
    asking.ask(spawn.children[0], attempt=1)
    found, (warning,), _ = asking.told()
    assert found["engine"] == "offline extractive"
    assert warning.startswith("the notes were made offline, not by Gemini: Gemini's quota is spent for longer than the 60 min")
    assert warning.endswith("; a job of type notes, of this transcript, asks again later")


def test_a_child_that_failed_for_good_leaves_the_notes_made_offline(asking: Asking) -> None:
    asking.take()
    found, warnings, provenance = asking.told()
    assert found["engine"] == "offline extractive"
    assert warnings == ["the notes were made offline, not by Gemini: it did not answer"]
    assert provenance["third_party"] == "Google Gemini"


def test_a_very_long_transcript_goes_in_parts_and_all_have_to_come(
    asking: Asking,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notes, "PART_CHARACTERS", 600)

    def answer(asked: Asked) -> Reply:
        first = int(asked.prompt.split("\n\n")[-1].split(":")[0])
        point = {"text": SEGMENTS[first]["text"], "segments": [first]}
        return said({name: point if name == "title" else [point] if name == "summary" else [] for name in GOOD})

    api.answers(answer)
    spawn = asking.take()
    assert len(spawn.children) == spawn.allowed_failures == 3
    for payload in spawn.children:
        assert asking.told()[0]["engine"] == "offline extractive"
        asking.ask(payload)
    found, _, _ = asking.told()
    assert found["engine"] == "gemini"
    assert [point["segments"] for point in found["summary"]] == [[payload["first"]] for payload in spawn.children]


def test_notes_that_were_not_asked_for_are_none(asking: Asking) -> None:
    context = asking.run("merge")
    assert noted.read(context, {}) is None
    assert noted.provenance(context, {}) is None
    assert noted.warnings(context, {}) == []
