"""Find how many voices there are: pieces of speech, each a Gaussian over its voiced frames, are joined while that describes them as well.

The measure is the Bayesian information criterion (Chen and Gopalakrishnan 1998): what two Gaussians gain over one in likelihood, less
what their parameters cost. Two departures: a Gaussian counts for at most MOST_FRAMES, since of an hour of one voice two halves differ a
little, and the sum of many little differences would make two speakers of it; and each covariance is drawn towards the mean one, since a
piece of a second has few frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

PENALTY = 1.4  #: of a parameter; found on synthetic voices (docs/decisions/0092)
MOST_FRAMES = 2000.0  #: forty seconds of voiced frames
PRIOR_FRAMES = 60.0  #: for how many frames the mean covariance counts
BLOCK_PIECES = 400  #: so many pieces are joined with each other; what comes of several blocks is joined then


@dataclass(frozen=True, slots=True)
class Gaussians:
    """Some Gaussians: `n` frames of each, their mean, their covariance."""

    n: Doubles
    mean: Doubles
    cov: Doubles

    def __len__(self) -> int:
        return len(self.n)

    def take(self, which: Sequence[int] | NDArray[np.int64]) -> Gaussians:
        return Gaussians(self.n[which], self.mean[which], self.cov[which])


def fit(pieces: Sequence[NDArray[np.float32]]) -> Gaussians:
    """Return a Gaussian for each piece, an array of frames; none may be empty."""
    mean = np.stack([piece.mean(axis=0, dtype=np.float64) for piece in pieces])
    cov = np.stack([np.cov(piece.astype(np.float64), rowvar=False, bias=True) for piece in pieces])
    return Gaussians(np.array([len(piece) for piece in pieces], dtype=np.float64), mean, cov)


def joined(one: Gaussians, others: Gaussians) -> Gaussians:
    """Return what each of `others` becomes together with the only one of `one`."""
    n = one.n + others.n
    share = (one.n / n)[:, None]
    apart = others.mean - one.mean
    cov = share[..., None] * one.cov + (1 - share)[..., None] * others.cov
    cov = cov + (share * (1 - share))[..., None] * apart[:, :, None] * apart[:, None, :]
    return Gaussians(n, share * one.mean + (1 - share) * others.mean, cov)


def volume(of: Gaussians, usual: Doubles) -> Doubles:
    """Return the log determinant of each covariance, drawn towards the usual one."""
    n = of.n[:, None, None]
    drawn = (of.cov * n + usual * PRIOR_FRAMES) / (n + PRIOR_FRAMES)
    logdet: Doubles = np.linalg.slogdet(drawn)[1]
    return logdet


def apart(one: Gaussians, others: Gaussians, usual: Doubles, penalty: float = PENALTY) -> Doubles:
    """Return how much better two Gaussians are than one, for the only one of `one` and each of `others`: below 0 they are one voice."""
    one, others = capped(one), capped(others)
    both = joined(one, others)
    gain = 0.5 * (both.n * volume(both, usual) - one.n * volume(one, usual) - others.n * volume(others, usual))
    d = one.mean.shape[1]
    gain -= penalty * 0.5 * (d + d * (d + 1) / 2) * np.log(both.n)
    return gain


def capped(of: Gaussians) -> Gaussians:
    return Gaussians(np.minimum(of.n, MOST_FRAMES), of.mean, of.cov)


def voices(pieces: Gaussians, most: int, checkpoint: Callable[[], None]) -> list[list[int]]:
    """Return which pieces belong together: at most `most` groups."""
    usual = np.average(pieces.cov, axis=0, weights=pieces.n)
    groups: list[list[int]] = []
    for first in range(0, len(pieces), BLOCK_PIECES):
        block = [[n] for n in range(first, min(first + BLOCK_PIECES, len(pieces)))]
        groups += join(pieces, block, usual, len(block), checkpoint)
    return join(pieces, groups, usual, most, checkpoint)


def join(pieces: Gaussians, groups: list[list[int]], usual: Doubles, most: int, checkpoint: Callable[[], None]) -> list[list[int]]:
    """Join the two groups that are least apart, again and again, until no two are one voice and at most `most` are left."""
    groups = [list(group) for group in groups]
    each = stacked([gather(pieces.take(group)) for group in groups])
    n, mean, cov = each.n.copy(), each.mean.copy(), each.cov.copy()
    count = len(groups)
    gaps = np.full((count, count), np.inf)
    for i in range(1, count):
        checkpoint()
        gaps[i, :i] = gaps[:i, i] = apart(each.take([i]), each.take(np.arange(i)), usual)
    left = set(range(count))
    while len(left) > 1:
        checkpoint()
        i, j = sorted(int(k) for k in np.unravel_index(gaps.argmin(), gaps.shape))
        if gaps[i, j] > 0 and len(left) <= most:
            break
        one = joined(Gaussians(n[[i]], mean[[i]], cov[[i]]), Gaussians(n[[j]], mean[[j]], cov[[j]]))
        n[i], mean[i], cov[i] = one.n[0], one.mean[0], one.cov[0]
        groups[i] += groups[j]
        left.discard(j)
        gaps[j, :] = gaps[:, j] = np.inf
        rest = np.array(sorted(left - {i}), dtype=np.int64)
        if len(rest):
            gaps[i, rest] = gaps[rest, i] = apart(one, Gaussians(n[rest], mean[rest], cov[rest]), usual)
    return [sorted(groups[i]) for i in sorted(left)]


def gather(some: Gaussians) -> Gaussians:
    """Return the one Gaussian that all of `some` are together."""
    weights = some.n / some.n.sum()
    mean = weights @ some.mean
    off = some.mean - mean
    cov = np.einsum("i,ijk->jk", weights, some.cov) + np.einsum("i,ij,ik->jk", weights, off, off)
    return Gaussians(some.n.sum(keepdims=True), mean[None], cov[None])


def stacked(some: Sequence[Gaussians]) -> Gaussians:
    return Gaussians(*(np.concatenate([getattr(one, name) for one in some]) for name in ("n", "mean", "cov")))
