"""Ask Gemini, by whichever of Google's libraries GEMINI_SDK names, and take nothing it says on trust.

    answer = gemini.ask(context, prompt, Schema, since=payload["since"])

`Schema` is a pydantic model; the answer is an instance of it. One call is one request, so that one run of an engine with
`QUOTA = "gemini"` takes one place in QUOTAS: who has more to ask splits its task into children. Nothing is sent unless an admin
allows it (THIRD_PARTIES=gemini) and there is a key.

`since` is when the work began to wait for an answer, in seconds since the epoch by Redis's clock: `claimed_at` of the run that split
the task. What would wait for longer than PATIENCE_S is given up at once (QuotaSpent).

What `ask` raises is to be let pass: NotConfigured, Later (a rate, a day's quota: no attempt is spent), TryAgain (an attempt is),
Misconfigured, QuotaSpent. NoAnswer too, unless the step can do without this answer: no other attempt would bring it.
"""

from __future__ import annotations

from workers.gemini.allowed import allowed, possible, provenance
from workers.gemini.asking import PATIENCE_S, QUOTA, TIMEOUT_S, ask
from workers.gemini.prompt import DATA, numbered
from workers.gemini.unanswered import Blocked, Cut, NoAnswer, QuotaSpent, Refused, Unreadable

__all__ = [
    "DATA", "PATIENCE_S", "QUOTA", "TIMEOUT_S", "Blocked", "Cut", "NoAnswer", "QuotaSpent", "Refused", "Unreadable",
    "allowed", "ask", "numbered", "possible", "provenance",
]  # fmt: skip
