"""Tell one end of a job to the address it was submitted with, signed as the Standard Webhooks specification has it.

Each try is an attempt; jobs/types/callback.py says when the next one is. A 2xx is what counts as told.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.errors import InvalidSubmission
from jobs.types.callback import WAITS_S
from workers.context import GaveUp, TryAgain
from workers.engines.post import Answer, NotAllowed, NotSent, post

if TYPE_CHECKING:
    from workers.context import Context

STALL_SECONDS = 120.0  #: a name may take long to look up, and nobody says anything meanwhile

SHOWN_CHARS = 200  #: of an answer, in an error
LONGEST_WAIT_S = 86_400.0  #: that a receiver may ask for
JITTER = 0.1  #: so that what failed together is not tried again together
GONE = 410
ASKS_TO_WAIT = (429, 503)


def run(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    claimed = context.claimed
    message = context.message()
    if message is None:
        return {"message": "not sent: the job was deleted, or its user"}
    host = urlsplit(message.url).netloc
    if claimed.attempt > 1 and not message.last:
        return {"message": f"not sent to {host}: the job has ended again since, and that is told by itself"}
    try:
        answer = post(
            message.url,
            message.body.encode(),
            headers(message.id, message.body, message.secrets, datetime.now(UTC)),
            private_allowed=context.settings.callback_private_addresses,
        )
    except (NotAllowed, InvalidSubmission) as error:
        raise GaveUp(f"{host}: {error}") from error
    except NotSent as error:
        raise TryAgain(f"{host} {error}", wait_s(claimed.attempts - claimed.attempt)) from error
    if 200 <= answer.status < 300:
        return {"message": f"told {host}", "status": answer.status}
    if answer.status == GONE:
        raise GaveUp(f"{said(host, answer)}; it is not to be told again")
    raise TryAgain(said(host, answer), max(wait_s(claimed.attempts - claimed.attempt), asked_s(answer)))


def headers(id: str, body: str, secrets: tuple[str, ...], now: datetime) -> dict[str, str]:
    """Return the headers of one try: each secret signs, so that a receiver may know any of them."""
    from standardwebhooks import Webhook  # only now: nobody else needs it

    return {
        "Content-Type": "application/json",
        "User-Agent": "Lectern",
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(id, now, body) for secret in secrets),
    }


def wait_s(left: int) -> float:
    """Return the seconds until the next of the tries that are left; a retry by hand begins the day anew."""
    planned = WAITS_S[-min(left, len(WAITS_S))] if left > 0 else 0.0
    return planned * random.uniform(1 - JITTER, 1 + JITTER)


def asked_s(answer: Answer, now: datetime | None = None) -> float:
    """Return for how many seconds the receiver asks to be left alone, a day at most; 0 when it does not."""
    given = answer.headers.get("retry-after", "").strip()
    if answer.status not in ASKS_TO_WAIT or not given:
        return 0.0
    if given.isascii() and given.isdigit():
        return float(min(int(given[:9]), int(LONGEST_WAIT_S)))
    try:
        until = parsedate_to_datetime(given)
    except (ValueError, OverflowError):  # OverflowError: of a zone with ever so many digits
        return 0.0
    asked = (until.replace(tzinfo=until.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
    return min(max(asked, 0.0), LONGEST_WAIT_S)


def said(host: str, answer: Answer) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in answer.text).split())
    moved = ", which is not followed" if 300 <= answer.status < 400 else ""
    return f"{host} answered {answer.status}{moved}" + (f": {text[:SHOWN_CHARS]}" if text else "")
