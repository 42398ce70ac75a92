"""Tell speakers apart without a model: by the spectrum and the pitch of their voiced frames. Experimental, and called so.

Of a recording only the voiced frames' thirteen numbers are kept, 2 to 6 MB an hour. Pieces of speech are cut where the voice seems to
change, joined into voices by `speakers_gaussian`, and then each tenth of a second goes to the voice it fits, with a price on every change
(Viterbi).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workers.engines.acoustics import FRAMES_PER_S, mfcc, pitch
from workers.engines.speakers_gaussian import PRIOR_FRAMES, Doubles, Gaussians, apart, fit, gather, stacked, voices
from workers.engines.speech import Stretch, stretches
from workers.engines.turns import Turn, renamed

Frames = NDArray[np.float32]

VERSION = "1"  #: of this way; another one may come to other speakers
MOST_SPEAKERS = 8
VOICED = 0.5  #: a frame that repeats itself better than this is voiced
PIECE_SECONDS = 6.0  #: longest piece that is taken for one voice to begin with: shorter ones tell sounds apart, not voices
LEAST_FRAMES = 15  #: a piece of fewer voiced frames says nothing of a voice
LEAST_VOICE_FRAMES = 75  #: a voice of fewer in all is a laugh or a noise

WINDOW_SECONDS, STEP_SECONDS, EDGE_SECONDS = 1.5, 0.25, 0.75  #: a change is looked for by what is before and what is behind it
CHANGE_PENALTY = 1.0

STEP = 5  #: frames that go to one voice together: a tenth of a second
CHANGE_PRICE, PAUSE_PRICE = 15.0, 5.0  #: log likelihood that a change of voices has to gain; cheaper after a pause
INDEPENDENT = 0.5  #: neighbouring frames overlap, so that each counts for less than one
ROUNDS = 2
BLOCK_FRAMES = 1 << 15  #: are looked at together: what that takes does not grow with the recording


class Heard:
    """What is kept of a recording: where somebody speaks, and the voiced frames in it."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self._at: list[NDArray[np.int32]] = []
        self._frames: list[Frames] = []

    def hear(self, sound: Frames, offset_s: float, checkpoint: Callable[[], None]) -> None:
        """Take in the next chunk, which begins at `offset_s`."""
        found = stretches(sound, offset_s)
        checkpoint()
        if not found:
            return
        hz, strength = pitch(sound, checkpoint)
        frames = np.column_stack([mfcc(sound, checkpoint), np.log(hz)])
        first = round(offset_s * FRAMES_PER_S)
        spoken = np.zeros(len(frames), dtype=bool)
        for stretch in found:
            spoken[round(stretch.start * FRAMES_PER_S) - first : round(stretch.end * FRAMES_PER_S) - first] = True
        kept = np.flatnonzero(spoken & (strength > VOICED))
        self.stretches += found
        self._at.append((kept + first).astype(np.int32))
        self._frames.append(frames[kept].astype(np.float32))

    def voiced(self) -> tuple[NDArray[np.int32], Frames]:
        """Return the numbers of the voiced frames in the recording, and the frames."""
        if not self._at:
            return np.zeros(0, dtype=np.int32), np.zeros((0, 1), dtype=np.float32)
        self._at, self._frames = [np.concatenate(self._at)], [np.concatenate(self._frames)]  # six hours of them are not kept twice
        return self._at[0], self._frames[0]


def turns(heard: Heard, checkpoint: Callable[[], None], most: int = MOST_SPEAKERS) -> list[Turn]:
    """Return who speaks when: in the order of time, speakers numbered by their first word, none where nobody speaks."""
    at, frames = heard.voiced()
    pieces = [part for piece in cut(heard.stretches, at, frames, checkpoint) if len(part := within(at, frames, *piece)) >= LEAST_FRAMES]
    if not pieces:
        return renamed([Turn(stretch.start, stretch.end, 0) for stretch in heard.stretches])
    each = fit(pieces)
    checkpoint()
    groups = voices(each, most, checkpoint)
    models = stacked([gather(each.take(group)) for group in groups])
    models = models.take(np.flatnonzero(models.n >= min(LEAST_VOICE_FRAMES, models.n.max())))
    usual = np.average(each.cov, axis=0, weights=each.n)
    for _ in range(ROUNDS):
        turns = assigned(heard.stretches, at, frames, models, usual, checkpoint)
        models = refitted(turns, at, frames, models, checkpoint)
    return renamed(turns)


def within(at: NDArray[np.int32], frames: Frames, start: float, end: float) -> Frames:
    first, last = np.searchsorted(at, (round(start * FRAMES_PER_S), round(end * FRAMES_PER_S)))
    return frames[first:last]


def cut(found: Sequence[Stretch], at: NDArray[np.int32], frames: Frames, checkpoint: Callable[[], None]) -> list[tuple[float, float]]:
    """Return pieces of speech in which nobody seems to take over, each at most PIECE_SECONDS."""
    longest = [part for stretch in found if len(part := within(at, frames, stretch.start, stretch.end)) > LEAST_FRAMES]
    if not longest:
        return []
    spread = fit(longest)
    usual = np.average(spread.cov, axis=0, weights=spread.n)
    pieces: list[tuple[float, float]] = []
    for stretch in found:
        checkpoint()
        edges = [stretch.start, *changes(stretch, at, frames, usual), stretch.end]
        for start, end in pairwise(edges):
            parts = max(1, int(np.ceil((end - start) / PIECE_SECONDS)))
            marks = np.linspace(start, end, parts + 1).tolist()
            pieces += pairwise(marks)
    return pieces


def changes(stretch: Stretch, at: NDArray[np.int32], frames: Frames, usual: Doubles) -> list[float]:
    """Return when one voice seems to follow on another in a stretch, moved to the next dip if there is one."""
    points = np.arange(stretch.start + EDGE_SECONDS, stretch.end - EDGE_SECONDS, STEP_SECONDS)
    if not len(points):
        return []
    first, last = np.searchsorted(at, (round(stretch.start * FRAMES_PER_S), round(stretch.end * FRAMES_PER_S)))
    inside, when = frames[first:last].astype(np.float64), at[first:last]
    sums = Sums(inside)
    place = np.searchsorted(when, np.round(points * FRAMES_PER_S))
    before = np.searchsorted(when, np.round((points - WINDOW_SECONDS) * FRAMES_PER_S))
    behind = np.searchsorted(when, np.round((points + WINDOW_SECONDS) * FRAMES_PER_S))
    enough = np.flatnonzero((place - before >= LEAST_FRAMES) & (behind - place >= LEAST_FRAMES))
    gain = np.full(len(points), -np.inf)
    if len(enough):
        left, right = sums.between(before[enough], place[enough]), sums.between(place[enough], behind[enough])
        gain[enough] = apart(left, right, usual, CHANGE_PENALTY)
    reach = round(EDGE_SECONDS / STEP_SECONDS)
    peaks = [n for n, value in enumerate(gain) if value > 0 and value == gain[max(0, n - reach) : n + reach + 1].max()]
    dips = np.array(stretch.dips)
    nearest = [dips[np.abs(dips - points[n]).argmin()] if len(dips) else points[n] for n in peaks]
    return sorted({float(dip if abs(dip - points[n]) <= 2 * STEP_SECONDS else points[n]) for n, dip in zip(peaks, nearest, strict=True)})


class Sums:
    """Running sums over frames, from which the Gaussian of any run of them is read."""

    def __init__(self, frames: Doubles) -> None:
        self.middle = frames.mean(axis=0) if len(frames) else np.zeros(frames.shape[1])
        frames = frames - self.middle
        none = np.zeros((1, frames.shape[1]))
        self.first = np.concatenate([none, frames.cumsum(axis=0)])
        squares = frames[:, :, None] * frames[:, None, :]
        self.second = np.concatenate([none[..., None] * none[:, None, :], squares.cumsum(axis=0)])

    def between(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> Gaussians:
        n = (end - start).astype(np.float64)
        mean = (self.first[end] - self.first[start]) / n[:, None]
        cov = (self.second[end] - self.second[start]) / n[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return Gaussians(n, mean + self.middle, cov)


def assigned(
    found: Sequence[Stretch], at: NDArray[np.int32], frames: Frames, models: Gaussians, usual: Doubles, checkpoint: Callable[[], None]
) -> list[Turn]:
    """Give every tenth of a second of speech to the voice it fits, changes at their price."""
    fits = likelihoods(frames, models, usual, checkpoint)
    starts, ends, prices = steps(found)
    first, last = np.searchsorted(at, starts), np.searchsorted(at, ends)
    sums = np.concatenate([np.zeros((1, len(models))), fits.cumsum(axis=0)])
    checkpoint()
    path = best_path(sums[last] - sums[first], prices, checkpoint)
    turns: list[Turn] = []
    for start, end, price, speaker in zip(starts.tolist(), ends.tolist(), prices.tolist(), path, strict=True):
        if turns and price != PAUSE_PRICE and turns[-1].speaker == speaker:
            turns[-1] = Turn(turns[-1].start, end / FRAMES_PER_S, speaker)
        else:
            turns.append(Turn(start / FRAMES_PER_S, end / FRAMES_PER_S, speaker))
    return turns


def steps(found: Sequence[Stretch]) -> tuple[NDArray[np.int64], NDArray[np.int64], Doubles]:
    """Return where each step begins and ends, in frames, and what a change of voices before it costs."""
    starts: list[int] = []
    ends: list[int] = []
    prices: list[float] = []
    for stretch in found:
        first, last = round(stretch.start * FRAMES_PER_S), max(round(stretch.end * FRAMES_PER_S), round(stretch.start * FRAMES_PER_S) + 1)
        marks = [*range(first, last, STEP)]
        starts += marks
        ends += [*marks[1:], last]
        prices += [PAUSE_PRICE, *[CHANGE_PRICE] * (len(marks) - 1)]
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64), np.array(prices)


def likelihoods(frames: Frames, models: Gaussians, usual: Doubles, checkpoint: Callable[[], None]) -> Doubles:
    """Return how well each frame fits each voice: a column a voice."""
    fits = np.empty((len(frames), len(models)))
    n = models.n[:, None, None]
    cov = (models.cov * n + usual * PRIOR_FRAMES) / (n + PRIOR_FRAMES)
    inverse, volume = np.linalg.inv(cov), np.linalg.slogdet(cov)[1]
    for first in range(0, len(frames), BLOCK_FRAMES):
        checkpoint()
        for voice in range(len(models)):
            off = frames[first : first + BLOCK_FRAMES] - models.mean[voice]
            distance = np.einsum("ij,ij->i", off @ inverse[voice], off)
            fits[first : first + BLOCK_FRAMES, voice] = -0.5 * INDEPENDENT * (distance + volume[voice])
    return fits


def best_path(fits: Doubles, prices: Doubles, checkpoint: Callable[[], None]) -> list[int]:
    """Return the voice of each step on the path that fits best after its changes are paid for."""
    count = fits.shape[1]
    stay = np.arange(count)
    score = fits[0].copy()
    before = np.zeros((len(fits), count), dtype=np.int8)
    for n in range(1, len(fits)):
        if n % 4096 == 0:
            checkpoint()
        best = int(score.argmax())
        changed = score[best] - prices[n]
        before[n] = np.where(score >= changed, stay, best)
        score = np.maximum(score, changed) + fits[n]
        score -= score.max()
    path = [int(score.argmax())]
    for n in range(len(fits) - 1, 0, -1):
        path.append(int(before[n, path[-1]]))
    return path[::-1]


def refitted(turns: Sequence[Turn], at: NDArray[np.int32], frames: Frames, models: Gaussians, checkpoint: Callable[[], None]) -> Gaussians:
    """Return each voice as its turns sound; one that has lost its turns is gone."""
    own: dict[int, list[Gaussians]] = {}
    for turn in turns:
        if len(part := within(at, frames, turn.start, turn.end)):
            own.setdefault(turn.speaker, []).append(fit([part]))
            checkpoint()
    kept = [gather(stacked(parts)) for _, parts in sorted(own.items())]
    kept = [voice for voice in kept if voice.n[0] >= LEAST_FRAMES]
    return stacked(kept) if kept else models
