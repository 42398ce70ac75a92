"""Why there is no answer, and none would come of asking again soon. Each says so in a sentence; a task that lets it pass fails for good."""

from __future__ import annotations

from workers.outcome import GaveUp


class QuotaSpent(GaveUp):
    """An answer would come too late. No NoAnswer: another attempt, hours later, may bring it."""


class NoAnswer(GaveUp):
    """Base of those that no other attempt would mend."""


class Blocked(NoAnswer):
    """Gemini keeps its answer back, or did not take the question: SAFETY, RECITATION and the like."""


class Cut(NoAnswer):
    """The answer was longer than the model may write: a smaller part has to be asked about."""


class Unreadable(NoAnswer):
    """What came is not the JSON that was asked for, and no attempts are left."""


class Refused(NoAnswer):
    """The request is not one that Gemini takes."""
