"""One question: whether it may be asked, the request, what came of it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pydantic import BaseModel

from workers.gemini import failing
from workers.gemini import schema as schemas
from workers.gemini.allowed import allowed
from workers.gemini.exchange import Answer, Failure, Request, Unreached
from workers.gemini.reading import Unread, read
from workers.gemini.unanswered import QuotaSpent, Unreadable
from workers.outcome import Later, TryAgain

if TYPE_CHECKING:
    from workers.context import Context

T = TypeVar("T", bound=BaseModel)

QUOTA = "gemini"  #: under this name QUOTAS limits it, and all workers are told to leave it alone
TIMEOUT_S = 120.0
#: All that asks Gemini is optional, and the transcript waits for it: a limit of the rate is over within that, a spent day mostly is not.
PATIENCE_S = 3600.0
LEAST_WAIT_S = 0.5  #: the end of a suspension is not to be met by asking over and over
TEMPERATURE = 0.2
LOOK_EVERY_S = 0.25  #: so often a run that waits for an answer learns whether it is still wanted
GRACE_S = 30.0  #: beyond the library's own timeout, which counts from byte to byte; its import is in there as well


def ask(context: Context, prompt: str, schema: type[T], *, since: float, instructions: str = "", timeout_s: float = TIMEOUT_S) -> T:
    """Return Gemini's answer as an instance of `schema`, by one request. For what it raises see the package."""
    settings = context.settings
    allowed(settings)
    wait_s, why = context.suspended(QUOTA)
    if wait_s:
        put_off(context, why, wait_s, since)
    request = Request(
        model=settings.gemini_model,
        prompt=prompt,
        instructions=instructions,
        schema=schemas.of(schema),
        temperature=TEMPERATURE,
        timeout_s=timeout_s,
        api_key=settings.gemini_api_key.get_secret_value(),
        endpoint=settings.gemini_endpoint.rstrip("/"),
    )
    send = sender(settings.gemini_sdk)
    try:
        answer = awaited(lambda: send(request), context.checkpoint, timeout_s)
    except Failure as failure:
        if failure.code != 429:
            raise failing.meaning(failure, request.model, request.api_key) from None
        wait_s, why = failing.wait(failure, context.claimed.claimed_at)
        context.suspend(QUOTA, wait_s, why)
        put_off(context, why, wait_s, since)
    except Unreached as unreached:
        raise failing.unreached(unreached, timeout_s) from None
    try:
        return read(answer, schema)
    except Unread as unread:
        left = context.claimed.attempts - context.claimed.attempt
        raise (TryAgain if left > 0 else Unreadable)(str(unread)) from None


def sender(sdk: str) -> Callable[[Request], Answer]:
    """Return the adapter's way to make a request. The library itself is imported by that."""
    if sdk == "google-genai":
        from workers.gemini import genai

        return genai.send
    from workers.gemini import generativeai

    return generativeai.send


def put_off(context: Context, why: str, wait_s: float, since: float) -> NoReturn:
    """Raise Later; or QuotaSpent at once when the wait would end beyond PATIENCE_S, counted from `since`."""
    wait_s = max(wait_s, LEAST_WAIT_S)
    waited_s = max(context.claimed.claimed_at - since, 0.0)
    if waited_s + wait_s > PATIENCE_S:
        so_far, to_come = (f"{seconds / 60:.0f} min" for seconds in (waited_s, wait_s))
        raise QuotaSpent(
            f"Gemini's quota is spent for longer than the {PATIENCE_S / 60:.0f} min that a step waits: "
            f"{so_far} so far, {to_come} to come ({why})"
        )
    raise Later(why, wait_s)


def awaited(work: Callable[[], Answer], meanwhile: Callable[[], None], timeout_s: float) -> Answer:
    """Return `work()`, done in a thread, calling `meanwhile` again and again; what either raises ends the wait.

    A library that waits for an answer hears nothing else. Its thread is left behind when nobody wants the answer any more; it ends
    by its own timeout.
    """
    done: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    def worked() -> None:
        try:
            done.put(work())
        except BaseException as error:
            done.put(error)

    threading.Thread(target=worked, name="gemini", daemon=True).start()
    ends = time.monotonic() + timeout_s + GRACE_S
    while time.monotonic() < ends:
        meanwhile()
        try:
            came = done.get(timeout=LOOK_EVERY_S)
        except queue.Empty:
            continue
        if isinstance(came, BaseException):
            raise came
        return came
    raise Unreached(TimeoutError())
