"""An end of a job is posted, signed, tried again for a day, and never to an address that nobody allowed."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from standardwebhooks import Webhook, WebhookVerificationError

from jobs import callbacks, control, show
from jobs.model import Claimed, JobView, Submission
from jobs.receivers import literal
from jobs.settings import Settings
from jobs.store import Store
from jobs.submit import submit
from jobs.types.callback import WAITS_S
from jobs.view import iso
from tests.jobs.hands import Hands
from tests.receiver import Receiver, receiving
from workers import testing
from workers.context import Context
from workers.engines import callback, post
from workers.engines.post import Answer, NotAllowed, NotSent
from workers.outcome import of_error, of_result
from workers.testing import run_job


@pytest.fixture
def allowing(redis: Redis) -> Store:
    """A store of an installation that allows addresses of its own network."""
    return Store(redis, Settings(callback_private_addresses=True, base_url="https://lectern.example"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as its:
        yield its


def ended(store: Store, url: str) -> str:
    """Return a job that was submitted with a callback, and has completed."""
    hands = Hands(store)
    hands.now = datetime.now(UTC).timestamp()
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, user="ada", org="acme", admin=True, callback_url=url)
    job = submit(store, asked, now=hands.now)
    hands.work()
    return job


def tell(store: Store, job: str) -> JobView:
    """Have the last end of a job told, however long that takes."""
    return run_job(store, str(show.status(store, job)["callback"]["job"]))


def try_at(store: Store, job: str, now: float) -> float | None:
    """Make one try to tell the last end of a job, at a time; return when the next one is due."""
    hands = Hands(store, name="host:1:tells", queues=["short"])
    hands.now = now
    claimed = hands.claim()
    assert isinstance(claimed, Claimed)
    with testing.kit(store) as tools:
        context = Context(claimed, tools)
        try:
            outcome: Any = of_result(callback.run(context, {}), claimed, store.settings)
        except Exception as error:
            outcome = of_error(error, claimed, store.settings)
        hands.record(claimed, outcome)
    due = show.status(store, job)["callback"]["next_at"]
    return datetime.fromisoformat(due).timestamp() + 0.001 if due else None


def error_of(view: JobView) -> str:
    return view.tasks[0].error


def test_the_receiver_can_check_who_tells_it_and_learns_what_the_api_would_tell(allowing: Store, receiver: Receiver) -> None:
    job = ended(allowing, receiver.url + "?for=ada")

    view = tell(allowing, job)

    assert view.status == "completed"
    assert testing.types.reduce(view).message == f"told 127.0.0.1:{receiver.port}"
    (told,) = receiver.told
    body = told.verified(callbacks.secrets_of(allowing, "ada").current)
    assert (body["type"], body["timestamp"]) == ("job.completed", show.status(allowing, job)["ended_at"])
    assert {**body["data"], "callback": None} == {**show.status(allowing, job), "callback": None, "revision": body["data"]["revision"]}
    assert told.path == "/told?for=ada"
    assert told.headers["webhook-id"] == f"{job}.1"
    assert (told.headers["Host"], told.headers["Content-Type"]) == (f"127.0.0.1:{receiver.port}", "application/json")
    with pytest.raises(WebhookVerificationError):
        told.verified(callbacks.new_secret())
    assert show.status(allowing, job)["callback"]["state"] == "delivered"


def test_for_a_day_after_it_was_replaced_a_secret_signs_beside_the_new_one(allowing: Store, receiver: Receiver) -> None:
    job = ended(allowing, receiver.url)
    old = callbacks.secrets_of(allowing, "ada").current
    new = callbacks.rotate(allowing, "ada").current
    tell(allowing, job)
    for secret in (old, new):
        assert receiver.told[0].verified(secret)


def test_a_receiver_in_trouble_is_tried_for_a_day_under_one_id_and_then_given_up(allowing: Store, receiver: Receiver) -> None:
    receiver.answers = [(500, {}, "out of order\n" + "x" * 5000)]
    job = ended(allowing, receiver.url)
    first = datetime.now(UTC).timestamp() + 1

    tries = [first]
    while due := try_at(allowing, job, tries[-1]):
        tries.append(due)
    view = show.job(allowing, show.status(allowing, job)["callback"]["job"])

    assert view.status == "failed"
    assert [0.9 * wait < later - before < 1.1 * wait for before, later, wait in zip(tries, tries[1:], WAITS_S, strict=False)] == [True] * 9
    assert 0.9 * 86_000 < tries[-1] - first < 1.1 * 87_000
    assert len(receiver.told) == view.tasks[0].attempts == len(WAITS_S) + 1
    assert {told.headers["webhook-id"] for told in receiver.told} == {f"{job}.1"}
    error = error_of(view)
    assert error.startswith(f"127.0.0.1:{receiver.port} answered 500: out of order xxx")
    assert len(error) < 250
    told = show.status(allowing, job)["callback"]
    assert (told["state"], told["tries"], told["last_error"], told["next_at"]) == ("failed", 10, error, None)
    assert told["at"] == iso(view.ended_at)

    receiver.answers = [200]
    control.retry(allowing, view.id)
    assert tell(allowing, job).status == "completed"


def test_an_answer_of_410_ends_the_tries_at_once(allowing: Store, receiver: Receiver) -> None:
    receiver.answers = [410]
    view = tell(allowing, ended(allowing, receiver.url))
    assert (view.status, view.tasks[0].attempts) == ("failed", 1)
    assert "not to be told again" in error_of(view)


def test_an_end_that_was_overtaken_is_not_tried_again(allowing: Store, receiver: Receiver) -> None:
    receiver.answers = [500]
    hands = Hands(allowing)
    hands.now = datetime.now(UTC).timestamp()
    asked = Submission("synthetic", {"tasks": [{"name": "a"}]}, user="ada", org="acme", admin=True, callback_url=receiver.url)
    job = submit(allowing, asked, now=hands.now)
    control.cancel(allowing, job, now=hands.now)
    first = show.status(allowing, job)["callback"]["job"]
    assert try_at(allowing, job, hands.now)
    control.retry(allowing, job, now=hands.now)
    hands.now += 1
    hands.work()
    receiver.answers = [204]

    last, overtaken = tell(allowing, job), run_job(allowing, first)

    assert receiver.types == ["job.cancelled", "job.completed"]
    assert (last.status, overtaken.status) == ("completed", "completed")
    assert "has ended again since" in overtaken.outputs["send"]["message"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((302, {"Location": "http://169.254.169.254/latest/meta-data"}, ""), "answered 302, which is not followed"),
        (lambda connection: connection.close(), "broke off: RemoteDisconnected"),
        (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"), "broke off: BadStatusLine"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"), "broke off"),
        ((404, {}, "<h1>no\x1b[31m such\x00 thing</h1>"), "answered 404: <h1>no [31m such thing</h1>"),
    ],
    ids=["a redirect", "hangs up", "no HTTP", "endless headers", "an ugly page"],
)
def test_whatever_else_is_answered_is_a_failure_in_words(allowing: Store, receiver: Receiver, answer: Any, says: str) -> None:
    receiver.answers = [answer, 200]
    job = ended(allowing, receiver.url)
    seen: list[str] = []
    note = callback.TryAgain.__init__

    def noted(self: Any, reason: str, delay_s: float | None = None) -> None:
        seen.append(reason)
        note(self, reason, delay_s)

    callback.TryAgain.__init__ = noted  # type: ignore[method-assign]
    try:
        assert tell(allowing, job).status == "completed"
    finally:
        callback.TryAgain.__init__ = note  # type: ignore[method-assign]
    assert [says in reason for reason in seen] == [True], seen
    assert len(receiver.told) == 2


def test_who_said_that_it_was_told_was_told_even_if_the_rest_of_the_answer_breaks_off(allowing: Store, receiver: Receiver) -> None:
    receiver.answers = [lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), 500]
    assert tell(allowing, ended(allowing, receiver.url)).status == "completed"
    assert len(receiver.told) == 1


def drip(connection: socket.socket) -> None:
    """Answer without end, a letter at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    try:
        while not stopped.wait(0.02):
            connection.sendall(b"x")
    except OSError:
        pass


stopped = threading.Event()


@pytest.mark.parametrize("answer", [drip, lambda connection: stopped.wait(5)], ids=["drips", "says nothing"])
def test_a_slow_receiver_holds_nobody_up_for_longer_than_is_said(
    receiver: Receiver, answer: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped.clear()
    monkeypatch.setattr(post, "READ_S", 0.2)
    monkeypatch.setattr(post, "WHOLE_S", 0.5)
    receiver.answers = [answer]
    with pytest.raises(NotSent, match=r"in time|no whole answer"):
        post.post(receiver.url, b"{}", {}, private_allowed=True)
    stopped.set()


def test_nobody_there_is_told_in_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotSent, match="refuses connections"):
        post.post(f"http://127.0.0.1:{port}/", b"{}", {}, private_allowed=True)
    with pytest.raises(NotSent, match="its host is not known"):
        post.post("http://nobody.invalid/", b"{}", {}, private_allowed=True)


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have every name mean these addresses, other ones at each look. Return what was looked up."""
    looked: list[str] = []

    real = socket.getaddrinfo

    def look(host: str, port: int, *more: Any, **other: Any) -> list[Any]:
        if literal(host):  # by the HTTP library, of the address that it was given
            return list(real(host, port, *more, **other))
        looked.append(host)
        found = answers[min(len(looked), len(answers)) - 1]
        return [(0, 0, 0, "", (address, port)) for address in found]

    monkeypatch.setattr(post.socket, "getaddrinfo", look)
    return looked


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["169.254.169.254"]])
def test_a_name_that_means_a_private_address_is_not_connected_to(store: Store, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    job = ended(store, "http://example.org:1/")
    names(monkeypatch, found)
    monkeypatch.setattr(post, "connect", lambda *_: pytest.fail("it was connected to"))
    view = tell(store, job)
    assert (view.status, view.tasks[0].attempts) == ("failed", 1)
    assert error_of(view) == "example.org:1: its host is not at a public address, and CALLBACK_PRIVATE_ADDRESSES is false here"


def test_a_name_that_changes_its_meaning_after_the_check_is_not_asked_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "is_public", lambda address: address != ipaddress.ip_address("127.0.0.2"))  # else no test could listen
    looked = names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    answer = post.post(f"http://rebinds.example:{receiver.port}/x", b"{}", {}, private_allowed=False)
    assert answer.status == 204
    assert looked == ["rebinds.example"]
    assert receiver.told[0].headers["Host"] == f"rebinds.example:{receiver.port}"
    with pytest.raises(NotAllowed):
        post.post(f"http://rebinds.example:{receiver.port}/x", b"{}", {}, private_allowed=False)


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post.post(receiver.url, b"{}", {}, private_allowed=True).status == 204


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of told.example, and its key, which nobody but itself has signed."""
    file = tmp_path_factory.mktemp("tls") / "told.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=told.example"
    subject = ["-addext", "subjectAltName=DNS:told.example"]
    subprocess.run([*command.split(), *subject, "-keyout", str(file), "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def test_over_tls_the_name_in_the_address_is_held_against_the_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["127.0.0.1"])
    with receiving(certificate) as receiver:

        def send(host: str) -> Answer:
            return post.post(f"https://{host}:{receiver.port}/", b"{}", {}, private_allowed=True)

        with pytest.raises(NotSent, match="certificate that does not hold"):
            send("told.example")
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        assert send("told.example").status == 204
        with pytest.raises(NotSent, match="certificate that does not hold"):
            send("another.example")


@pytest.mark.parametrize(
    ("status", "given", "seconds"),
    [
        (429, "120", 120), (503, "Wed, 21 Oct 2026 07:30:00 GMT", 120), (503, "Wed, 21 Oct 2026 07:00:00 GMT", 0), (503, "soon", 0),
        (429, "9" * 30, 86_400), (429, "", 0), (500, "120", 0), (429, "²", 0),
        (503, "Wed, 21 Oct 2026 07:30:00 +9999999999999", 0),
    ],
)  # fmt: skip
def test_a_receiver_that_asks_to_wait_is_heeded_up_to_a_day(status: int, given: str, seconds: float) -> None:
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
    assert callback.asked_s(Answer(status, {"retry-after": given}, ""), now) == seconds


def test_the_waits_begin_anew_when_it_is_retried_by_hand() -> None:
    for left, planned in ((9, WAITS_S[0]), (1, WAITS_S[-1]), (30, WAITS_S[0])):
        assert 0.9 * planned <= callback.wait_s(left) <= 1.1 * planned
    assert callback.wait_s(0) == 0


def test_a_signature_is_what_the_librarys_other_side_expects() -> None:
    now = datetime.now(UTC)
    secret = callbacks.new_secret()
    assert Webhook(secret).verify('{"é":1}', callback.headers("j.1", '{"é":1}', (secret,), now)) == {"é": 1}
