"""What a failure of the API is to us: wait, try again, mend a setting, or do without."""

from __future__ import annotations

import datetime
import re
from zoneinfo import ZoneInfo

from jobs.errors import Misconfigured
from workers.gemini.exchange import Failure, Unreached
from workers.gemini.unanswered import Refused
from workers.outcome import TryAgain

PACIFIC = ZoneInfo("America/Los_Angeles")  #: daily quotas begin anew at midnight there: https://ai.google.dev/gemini-api/docs/rate-limits
PAST_MIDNIGHT_S = 30.0  #: clocks differ
UNSAID_WAIT_S = 60.0  #: after a 429 that names no time: the rates are per minute
LONGEST_WAIT_S = 25 * 3600.0
#: With a day's quota spent, RetryInfo names the seconds until the next request would be weighed, and refused. One of hours means it.
MEANT_S = 3600.0
MESSAGE_LETTERS = 300


def wait(failure: Failure, now: float) -> tuple[float, str]:
    """Return for how many seconds nobody should ask after a 429, and why. `now`: seconds since the epoch."""
    said = [seconds(str(detail.get("retryDelay", ""))) for detail in failure.detail("RetryInfo")]
    said_s = max(said, default=0.0)
    if daily(failure):
        wait_s, why = (said_s if said_s >= MEANT_S else midnight(now) + PAST_MIDNIGHT_S), "the day's quota of Gemini is spent"
    else:
        wait_s, why = said_s or UNSAID_WAIT_S, "Gemini takes no more requests for the moment"
    return min(wait_s, LONGEST_WAIT_S), why


def daily(failure: Failure) -> bool:
    """Whether it is a quota per day that is spent."""
    violations = [violation for detail in failure.detail("QuotaFailure") for violation in detail.get("violations", ())]
    return any("perday" in str(violation.get("quotaId", "")).lower() for violation in violations if isinstance(violation, dict))


def seconds(duration: str) -> float:
    """Return the seconds of a duration as protobuf's JSON has it, as in `26.5s`; 0 for anything else."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", duration)
    return float(found[1]) if found else 0.0


def midnight(now: float) -> float:
    """Return the seconds from `now` to the next midnight by Pacific time."""
    here = datetime.datetime.fromtimestamp(now, PACIFIC)
    tomorrow = datetime.datetime.combine(here.date() + datetime.timedelta(days=1), datetime.time(), PACIFIC)
    return tomorrow.timestamp() - now


def meaning(failure: Failure, model: str, api_key: str) -> Exception:
    """Return what to raise for any failure but a 429."""
    said = told(failure, api_key)
    reasons = {str(detail.get("reason", "")) for detail in failure.detail("ErrorInfo")}
    if failure.code in (401, 403) or "API_KEY_INVALID" in reasons:
        return Misconfigured(f"Gemini does not take GEMINI_API_KEY {said}")
    if failure.code == 404:
        return Misconfigured(f"Gemini does not know GEMINI_MODEL={model} {said}")
    if failure.code == 408 or failure.code >= 500:
        return TryAgain(f"Gemini is in trouble {said}")
    return Refused(f"Gemini refused the request {said}")


def unreached(why: Unreached, timeout_s: float) -> TryAgain:
    if why.timed_out:
        return TryAgain(f"Gemini did not answer within {timeout_s:g} s")
    return TryAgain(f"no answer of Gemini came through ({why.kind})")


def told(failure: Failure, api_key: str) -> str:
    """Return `(503: what the API says)`, in one line, without the key."""
    message = " ".join(failure.message.replace(api_key, "…").split())[:MESSAGE_LETTERS].rstrip(".")
    return f"({failure.code}: {message})" if message else f"({failure.code})"
