"""One question to Gemini and whatever may come of it, the same by either of Google's libraries, which speak to a real server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field

from jobs.errors import Misconfigured
from tests.gemini.api import (
    Api,
    Reply,
    Scripted,
    day_spent,
    failed,
    fenced,
    kept_back,
    key_refused,
    not_taken,
    nothing,
    rate_limited,
    said,
)  # fmt: skip
from tests.gemini.conftest import KEY, NOW, Run
from workers import gemini
from workers.gemini import asking
from workers.interrupted import Cancelled
from workers.outcome import Later, NotConfigured, TryAgain, describe

MakeRun = Callable[..., Run]


class Point(BaseModel):
    title: str = Field(description="in a few words")
    segments: list[int] = Field(min_length=1)


RIGHT = {"title": "Matrices", "segments": [3, 4]}


@pytest.fixture
def asks(run: MakeRun, sdk: str) -> Callable[..., Point]:
    """Return a function that asks in a run of its own; keywords as for `run`, and those of `ask`."""

    def asks(**given: Any) -> Point:
        of_ask = {name: given.pop(name) for name in ("since", "instructions", "timeout_s") if name in given}
        context = given.pop("context", None) or run(GEMINI_SDK=sdk, **given)
        return gemini.ask(context, "What is it about?", Point, **{"since": NOW, **of_ask})  # type: ignore[arg-type]

    return asks


def test_an_answer_is_an_instance_of_what_was_asked_for(asks: Callable[..., Point], api: Api) -> None:
    api.answers(said(RIGHT))
    assert asks(instructions="Be brief.") == Point(**RIGHT)
    (asked,) = api.asked
    assert "/models/gemini-2.5-flash:generateContent" in asked.path
    assert asked.headers["x-goog-api-key"] == KEY
    assert asked.prompt == "What is it about?"
    assert asked.body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert asked.config["responseMimeType"] == "application/json"
    assert set(asked.config["responseSchema"]["properties"]) == {"title", "segments"}
    assert KEY not in asked.path


def test_the_setting_names_the_model(asks: Callable[..., Point], api: Api) -> None:
    api.answers(said(RIGHT))
    asks(GEMINI_MODEL="gemini-9-large")
    assert "/models/gemini-9-large:generateContent" in api.asked[0].path


@pytest.mark.parametrize("reply", [fenced(RIGHT), said('Here:\n\n```JSON\n{"title": "Matrices", "segments": [3, 4]}```\nAnything else?')])
def test_fences_are_taken_off(reply: Reply, asks: Callable[..., Point], api: Api) -> None:
    api.answers(reply)
    assert asks() == Point(**RIGHT)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (said('{"title": "Matri'), "Gemini's answer is not what was asked for: it is not JSON"),
        (said("I would rather not."), "Gemini's answer is not what was asked for: it is not JSON"),
        (said({"title": "x", "segments": []}), "Gemini's answer is not what was asked for: segments: List should have at least 1 item"),
        (said({"title": "secret of the answer", "segments": ["all"]}), "segments.0: Input should be a valid integer"),
        (said(""), "Gemini answered nothing"),
        (nothing(), "Gemini answered nothing"),
        (Reply(body={}), "Gemini answered nothing"),
        (kept_back("OTHER"), r"Gemini broke off \(OTHER\)"),
        (kept_back("NOT_KNOWN_YET"), r"Gemini broke off \((NOT_KNOWN_YET|99)\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*(NOT_KNOWN_YET|enum value. 99):UserWarning")
def test_what_cannot_be_read_is_asked_for_again_while_attempts_are_left_and_then_said(
    reply: Reply, why: str, asks: Callable[..., Point], api: Api
) -> None:
    api.answers(reply)
    with pytest.raises(TryAgain, match=why):
        asks(attempt=2)
    with pytest.raises(gemini.Unreadable, match=why) as last:
        asks(attempt=3)
    assert len(api.asked) == 2  # one request a run
    assert "secret" not in str(last.value)


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT"])
def test_what_is_kept_back_is_not_asked_for_again(reason: str, asks: Callable[..., Point], api: Api) -> None:
    api.answers(kept_back(reason))
    with pytest.raises(gemini.Blocked, match=f"Gemini kept its answer back \\({reason}\\)"):
        asks()
    api.answers(said('{"title": "Half', reason))
    with pytest.raises(gemini.Blocked):
        asks()


@pytest.mark.filterwarnings("ignore:.*(NOT_KNOWN_YET|enum value. 99):UserWarning")
@pytest.mark.parametrize("reason", ["SAFETY", "NOT_KNOWN_YET"])
def test_a_question_that_is_not_taken_is_not_asked_again(reason: str, asks: Callable[..., Point], api: Api) -> None:
    api.answers(not_taken(reason))
    with pytest.raises(gemini.Blocked, match=r"Gemini did not take the question \((SAFETY|NOT_KNOWN_YET|99)\)"):
        asks()


@pytest.mark.parametrize("answer", ['{"title": "Matri', RIGHT])
def test_an_answer_that_was_cut_off_is_never_taken_for_whole(answer: Any, asks: Callable[..., Point], api: Api) -> None:
    api.answers(said(answer, "MAX_TOKENS"))
    with pytest.raises(gemini.Cut, match="MAX_TOKENS"):
        asks()


@pytest.mark.parametrize(("delay", "wait_s"), [("7s", 7.0), ("26.5s", 26.5), ("", 60.0), ("soon", 60.0), ("3600s", 3600.0)])
def test_a_rate_limit_is_waited_for_by_all_as_long_as_it_says(delay: str, wait_s: float, run: MakeRun, sdk: str, api: Api) -> None:
    api.answers(rate_limited(delay))
    context = run(GEMINI_SDK=sdk)
    with pytest.raises(Later) as later:
        gemini.ask(context, "?", Point, since=NOW)  # type: ignore[arg-type]
    assert later.value.delay_s == wait_s
    assert context.suspensions == [("gemini", wait_s, "Gemini takes no more requests for the moment")]
    assert len(api.asked) == 1


def test_a_wait_longer_than_a_day_is_told_to_all_as_a_day(run: MakeRun, sdk: str, api: Api) -> None:
    api.answers(rate_limited("999999999s"))
    context = run(GEMINI_SDK=sdk)
    with pytest.raises(gemini.QuotaSpent, match="0 min so far, 1500 min to come"):
        gemini.ask(context, "?", Point, since=NOW)  # type: ignore[arg-type]
    assert context.suspensions == [("gemini", 25 * 3600.0, "Gemini takes no more requests for the moment")]


@pytest.mark.parametrize(
    ("delay", "wait_s"),
    [
        ("23s", 57_230.0),  # 15 h 53 min 20 s to midnight in Los Angeles, and a little
        ("", 57_230.0),
        ("18000s", 18_000.0),  # it knows better
    ],
)
def test_a_spent_day_means_the_next_one_and_no_step_waits_for_it(delay: str, wait_s: float, run: MakeRun, sdk: str, api: Api) -> None:
    api.answers(day_spent(delay))
    context = run(GEMINI_SDK=sdk)
    with pytest.raises(gemini.QuotaSpent, match="the day's quota of Gemini is spent") as given_up:
        gemini.ask(context, "?", Point, since=NOW)  # type: ignore[arg-type]
    assert f"0 min so far, {wait_s / 60:.0f} min to come" in str(given_up.value)
    assert context.suspensions == [("gemini", wait_s, "the day's quota of Gemini is spent")]


def test_a_spent_day_that_is_nearly_over_is_waited_for(run: MakeRun, sdk: str, api: Api) -> None:
    api.answers(day_spent())
    late = NOW + 57_200 - 1800  # half an hour to midnight in Los Angeles
    context = run(GEMINI_SDK=sdk, claimed_at=late)
    with pytest.raises(Later, match="the day's quota of Gemini is spent") as later:
        gemini.ask(context, "?", Point, since=late)  # type: ignore[arg-type]
    assert later.value.delay_s == 1830.0
    assert context.suspensions[0][:2] == ("gemini", 1830.0)


def test_nobody_asks_while_it_is_to_be_left_alone(run: MakeRun, api: Api) -> None:
    context = run()
    context.closed = (40.0, "the day's quota of Gemini is spent")
    with pytest.raises(Later, match="the day's quota of Gemini is spent") as later:
        gemini.ask(context, "?", Point, since=NOW)  # type: ignore[arg-type]
    assert later.value.delay_s == 40.0
    assert api.asked == []


def test_what_would_have_waited_for_more_than_an_hour_is_given_up(asks: Callable[..., Point], api: Api) -> None:
    api.answers(rate_limited("60s"))
    with pytest.raises(Later):
        asks(since=NOW - 3600 + 61)
    with pytest.raises(gemini.QuotaSpent) as given_up:
        asks(since=NOW - 3600 + 59)
    assert str(given_up.value) == (
        "Gemini's quota is spent for longer than the 60 min that a step waits: 59 min so far, 1 min to come"
        " (Gemini takes no more requests for the moment)"
    )
    assert not isinstance(given_up.value, gemini.NoAnswer)  # another attempt may bring it


def test_a_wait_that_others_have_learnt_of_counts_as_well(run: MakeRun, api: Api) -> None:
    context = run()
    context.closed = (3601.0, "the day's quota of Gemini is spent")
    with pytest.raises(gemini.QuotaSpent):
        gemini.ask(context, "?", Point, since=NOW)  # type: ignore[arg-type]
    context.closed = (3599.0, "the day's quota of Gemini is spent")
    with pytest.raises(Later):
        gemini.ask(context, "?", Point, since=NOW)  # type: ignore[arg-type]
    assert api.asked == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (failed(500, "INTERNAL", "An internal error has occurred."), "Gemini is in trouble (500: An internal error has occurred)"),
        (failed(503, "UNAVAILABLE", "The model is overloaded."), "Gemini is in trouble (503: The model is overloaded)"),
        (failed(504, "DEADLINE_EXCEEDED", "Too late\nby far"), "Gemini is in trouble (504: Too late by far)"),
    ],
)
def test_trouble_of_the_server_takes_an_attempt_and_no_request_more(reply: Reply, said: str, asks: Callable[..., Point], api: Api) -> None:
    api.answers(reply)
    with pytest.raises(TryAgain) as again:
        asks()
    assert str(again.value) == said
    assert len(api.asked) == 1  # google-generativeai by itself would go on for ever


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(hangs=True), "Gemini did not answer within 0.5 s"),
        (Reply(hangs_up=True), "no answer of Gemini came through"),
        (Reply(502, b"<html>bad gateway</html>"), "Gemini is in trouble (502"),
        (Reply(200, b"<html>welcome to this hotel</html>"), "no answer of Gemini came through"),
    ],
)
def test_an_answer_that_does_not_come_through_takes_an_attempt(reply: Reply, said: str, asks: Callable[..., Point], api: Api) -> None:
    api.answers(reply)
    with pytest.raises(TryAgain) as again:
        asks(timeout_s=0.5)
    assert said in str(again.value)


def test_a_server_that_is_not_there_takes_an_attempt(asks: Callable[..., Point]) -> None:
    with pytest.raises(TryAgain, match="no answer of Gemini came through"):
        asks(GEMINI_ENDPOINT="http://127.0.0.1:9")


def test_an_answer_that_drips_is_not_waited_for(asks: Callable[..., Point], api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "GRACE_S", 0.5)
    api.answers(Reply(body=said("x" * 1000).body, drips=True))
    begun = time.monotonic()
    with pytest.raises(TryAgain, match="Gemini did not answer within 1 s"):
        asks(timeout_s=1)
    assert time.monotonic() - begun < 30


def test_a_run_that_is_cancelled_does_not_wait_for_its_answer(asks: Callable[..., Point], run: MakeRun, sdk: str, api: Api) -> None:
    context = run(GEMINI_SDK=sdk)

    def cancel(asked: Any) -> Reply:
        context.stops = Cancelled()
        return Reply(hangs=True)

    api.answers(cancel)
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        asks(context=context, timeout_s=60)
    assert time.monotonic() - begun < 30
    assert context.checks > 0


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (key_refused(), "Gemini does not take GEMINI_API_KEY (400: API key not valid"),
        (failed(401, "UNAUTHENTICATED", "no"), "Gemini does not take GEMINI_API_KEY (401: no)"),
        (failed(403, "PERMISSION_DENIED", "no"), "Gemini does not take GEMINI_API_KEY (403: no)"),
        (failed(404, "NOT_FOUND", "gone"), "Gemini does not know GEMINI_MODEL=gemini-2.5-flash (404: gone)"),
    ],
)
def test_a_setting_that_stands_in_the_way_is_named(reply: Reply, said: str, asks: Callable[..., Point], api: Api) -> None:
    api.answers(reply)
    with pytest.raises(Misconfigured) as wrong:
        asks()
    assert str(wrong.value).startswith(said)


def test_a_request_that_is_refused_is_not_made_again(asks: Callable[..., Point], api: Api) -> None:
    api.answers(failed(400, "FAILED_PRECONDITION", "User location is not supported for the API use."))
    with pytest.raises(gemini.Refused, match=r"Gemini refused the request \(400: User location is not supported for the API use\)"):
        asks()


@pytest.mark.parametrize(
    ("given", "what_to_do"),
    [
        ({"THIRD_PARTIES": ""}, "an admin has to allow it: THIRD_PARTIES=gemini"),
        ({"GEMINI_API_KEY": ""}, "set GEMINI_API_KEY"),
    ],
)
def test_nothing_is_sent_unless_an_admin_allows_it_and_there_is_a_key(
    given: dict[str, str], what_to_do: str, asks: Callable[..., Point], run: MakeRun, api: Api
) -> None:
    with pytest.raises(NotConfigured, match=what_to_do):
        asks(**given)
    assert api.asked == []
    assert not gemini.possible(run(**given).settings)
    assert gemini.possible(run().settings)


@pytest.mark.parametrize(
    "reply",
    [
        said(RIGHT), said(KEY), rate_limited("1s"), key_refused(), Reply(hangs_up=True), Reply(502, KEY.encode()), kept_back("SAFETY"),
        failed(403, "PERMISSION_DENIED", f"the key {KEY} is not allowed"), failed(400, "INVALID_ARGUMENT", f"?key={KEY}"),
        failed(500, "INTERNAL", f"key={KEY}"), failed(404, "NOT_FOUND", f"key={KEY}"),
    ],
)  # fmt: skip
def test_the_key_is_seen_in_no_error_and_no_log(
    reply: Scripted, asks: Callable[..., Point], api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers(reply)
    with caplog.at_level(logging.DEBUG):
        try:
            asks()
        except Exception as error:
            shown = describe(error)
        else:
            shown = ""
    assert KEY not in shown
    assert [record for record in caplog.records if KEY in record.getMessage() or KEY in str(vars(record))] == []
