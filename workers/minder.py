"""Keep one horse at work: start it, judge it, kill it, note what it leaves behind, start another. Knows nothing of Redis."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.store import SOCKET_TIMEOUT_S
from workers import log, scratch
from workers.harness import Harness
from workers.orders import Why
from workers.pulse import Beat
from workers.stable import Stable
from workers.watch import Kill, Stop, Watch

INSTANT_S = 10.0  #: a horse that dies sooner, and held nothing, will do so again
UNSEEN_S = SOCKET_TIMEOUT_S + 2.0  #: between two looks: longer than Redis can keep it waiting, so it was stopped itself
FIRST_RESPAWN_S = 0.5
LONGEST_RESPAWN_S = 30.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A run that its horse has left unsettled."""

    run: str
    rq_job: str  #: empty when the horse died before it knew
    reason: str
    unharmed: bool  #: handed back rather than lost
    died_at: float  #: monotonic


class Minder:
    def __init__(self, stable: Stable, drain_s: float) -> None:
        self._stable = stable
        self._drain_s = drain_s
        self._horse: Harness | None = None
        self._watch = Watch(0.0)
        self._looked_at = 0.0
        self._spawn_at = 0.0
        self._instant_deaths = 0
        self._drains_since: float | None = None
        self._past = (0, 0, 0.0)  # completed, failed, busy_s of the horses before
        self.beat = Beat()  #: what the horse said when last looked at
        self.losses: list[Loss] = []  #: to be recorded; the supervisor takes them away

    @property
    def has_horse(self) -> bool:
        return self._horse is not None

    def mind(self, now: float) -> None:
        """Look at the horse and do what is due. `now` is monotonic."""
        horse = self._horse
        unseen_s, self._looked_at = now - self._looked_at, now
        if horse is None:
            self._spawn_if_due(now)
        elif (how := horse.ended()) is not None:
            self._bury(horse, how, now)
            self._spawn_if_due(now)
        else:
            if unseen_s > UNSEEN_S:
                self._watch.excuse(unseen_s)
            horse.pulse.look()
            self.beat = horse.pulse.read()
            self._judge(horse, now)

    def drain(self, now: float) -> None:
        """Have the horse hand back and leave, or be killed when its time is up. No other follows."""
        if self._drains_since is None:
            self._drains_since = now
            if self._horse is not None:
                self._horse.drain()

    def kill(self, why: str) -> None:
        """Kill the horse, if there is one; its run is told `why`."""
        if self._horse is not None:
            if not self._horse.killed_for:
                log.horse_killed(self._horse.pid, why)
            self._horse.kill(why)

    def stop(self, run: str, why: Why, now: float) -> None:
        """Tell the horse that `run` counts no more; killed if it does not stop in time."""
        if self._horse is not None and self._watch.told_to_stop(run, why, now):
            log.run_stops(run, why)
            self._horse.stop(run, why)

    def lasting(self, now: float, least_s: float) -> tuple[str, str] | None:
        """The run, as (rq_job, run), that has lasted for `least_s` and is to be renewed: none when its horse has been killed."""
        beat = self.beat
        if self._horse is None or self._horse.killed_for or not beat.run or now - beat.started < least_s:
            return None
        return beat.rq_job, beat.run

    def forget(self, now: float, lease_s: float) -> None:
        """Drop the losses whose lease has ended meanwhile: another worker has taken care of them."""
        self.losses = [loss for loss in self.losses if now - loss.died_at <= lease_s]

    def tally(self) -> tuple[int, int, float]:
        """Return runs completed, runs failed and seconds at work, of all horses."""
        completed, failed, busy_s = self._past
        return completed + self.beat.completed, failed + self.beat.failed, busy_s + self.beat.busy_s

    def _spawn_if_due(self, now: float) -> None:
        """Not before what the last one held is recorded: Redis knows a worker by its last claim."""
        if self._drains_since is not None or self.losses or now < self._spawn_at:
            return
        try:
            self._horse = self._stable.horse()
        except OSError as error:  # no memory, no process to be had
            log.horse_not_spawned(error)
            self._spawn_at = now + LONGEST_RESPAWN_S
            return
        self._watch = Watch(now)
        log.horse_spawned(self._horse.pid)

    def _judge(self, horse: Harness, now: float) -> None:
        if self._drains_since is not None:
            if now - self._drains_since > self._drain_s:
                self.kill("the worker leaves")
            return
        match self._watch.judge(self.beat, horse.pulse.signs(), now):
            case Stop(run, why):
                log.run_stops(run, why)
                horse.stop(run, why)
            case Kill(reason):
                self.kill(reason)

    def _bury(self, horse: Harness, how: str, now: float) -> None:
        """Note what a dead horse held, and when the next may start."""
        self.beat = beat = horse.pulse.read()
        log.horse_ended(horse.pid, how, expected=horse.left_well)
        reason = horse.killed_for or f"worker {how}"
        held = [(beat.run, beat.rq_job)] if beat.run else []
        held += [(beat.next_run, "")] if beat.next_run else []
        self.losses += [Loss(run, rq_job, reason, horse.drains, now) for run, rq_job in held]
        instant = not (horse.left_well or held) and now - horse.spawned_at < INSTANT_S
        self._instant_deaths = self._instant_deaths + 1 if instant else 0
        self._spawn_at = now + min(FIRST_RESPAWN_S * 2**self._instant_deaths, LONGEST_RESPAWN_S) if instant else now
        self._past = self.tally()
        self._horse, self.beat = None, Beat()
        horse.close()
        scratch.empty(self._stable.scratch)
