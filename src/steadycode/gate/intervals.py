"""Confidence intervals of paired differences (candidate minus champion), standard library only.

All are two-sided at ``confidence``. Pairing is what makes 164 problems enough: where two models
agree on most problems, their difference is far less noisy than that of independent measurements.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    value: float
    low: float
    high: float


def tango(better: float, worse: float, n: float, confidence: float = 0.95) -> Interval:
    """The score interval of the difference of two paired proportions, (better - worse) / n.

    The candidate alone passes ``better`` pairs, the champion alone ``worse``. The interval holds
    every difference d with |T(d)| <= z, where, with q the maximum-likelihood estimate of P(worse)
    given d,

        T(d) = (better - worse - n d) / sqrt(n (2 q + d (1 - d)))

    (Tango 1998, Statistics in Medicine 17:891-908). Unlike Wald's it has a width even when the
    two models agree on every pair: d = ±z²/(n + z²). Counts may be fractions, for planning.
    """
    z = z_value(confidence)

    def statistic(d: float) -> float:
        w = -better - worse + (2 * n - better + worse) * d
        q = (math.sqrt(max(0.0, w * w + 8 * n * worse * d * (1 - d))) - w) / (4 * n)
        variance = n * (2 * q + d * (1 - d))
        surplus = better - worse - n * d
        return surplus / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, surplus)

    value = (better - worse) / n
    low = -1.0 if value == -1 else _root(lambda d: statistic(d) - z, -1.0, value)
    high = 1.0 if value == 1 else _root(lambda d: statistic(d) + z, value, 1.0)
    return Interval(value, low, high)


def bootstrap(differences: Sequence[float], confidence: float, seed: int) -> Interval:
    """The percentile bootstrap interval of the mean over problems of differences in [-1, 1].

    It is never narrower than the score interval of models that always agree: resampling a handful
    of equal differences would claim a certainty that no small sample has.
    """
    n = len(differences)
    value = fmean(differences)
    choose = random.Random(seed)
    means = sorted(fmean(choose.choices(differences, k=n)) for _ in range(RESAMPLES))
    tail = round((1 - confidence) / 2 * RESAMPLES)
    floor = agreement_width(n, confidence)
    low = min(means[tail], value - floor)
    high = max(means[RESAMPLES - 1 - tail], value + floor)
    return Interval(value, max(-1.0, low), min(1.0, high))


def weighted_mean(
    differences: Sequence[float], weights: Sequence[float], confidence: float
) -> Interval:
    """Student's t interval of a weighted mean over documents, two or more, which are the sample.

    The weights (a document's tokens) are random too, so the standard error is that of a ratio
    estimate (Cochran 1977, Sampling Techniques, section 6.4).
    """
    n, total = len(differences), sum(weights)
    value = sum(d * w for d, w in zip(differences, weights, strict=True)) / total
    squares = sum((w * (d - value)) ** 2 for d, w in zip(differences, weights, strict=True))
    half = t_value(confidence, n - 1) * math.sqrt(n / (n - 1) * squares) / total
    return Interval(value, value - half, value + half)


def agreement_width(n: float, confidence: float) -> float:
    """Half the width of Tango's interval when no pair differs."""
    z = z_value(confidence)
    return z * z / (n + z * z)


def z_value(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def t_value(confidence: float, degrees: int) -> float:
    """The two-sided quantile of Student's t, which is exact because the series for its distribution
    function is finite (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    return _root(lambda t: confidence - _t_mass(t, degrees), 0.0, 1e9)


def _t_mass(t: float, degrees: int) -> float:
    """P(-t < T < t) for Student's t with ``degrees`` of freedom."""
    angle = math.atan(t / math.sqrt(degrees))
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0 if degrees == 1 else term
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Find by bisection where ``falling`` crosses zero in [low, high]."""
    for _ in range(64):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
