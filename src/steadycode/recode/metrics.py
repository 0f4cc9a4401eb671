"""The metrics of ReCode (Wang et al., 2022), on arrays of booleans.

``nominal``, of shape [problems, samples], and ``variants``, [problems, variants, samples], say
whether a sample passed. ``valid``, [problems, variants], marks the variants that count (all, by
default); a problem without any is left out. Sample i of a variant is paired with sample i of the
others. Where a metric is undefined, a function returns NaN and raises nothing; ``figures.py`` adds
the reason.
"""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate of pass@k: 1 - C(n-c,k)/C(n,k) (Chen et al., 2021, equation 1).

    It is the chance that k of the n samples, drawn at random, hold at least one of the c that pass.
    NaN when k is not in 1..n or c is not in 0..n.
    """
    if not (1 <= k <= n and 0 <= c <= n):
        return float("nan")
    if n - c < k:
        return 1.0
    return float(1 - np.prod(1 - k / np.arange(n - c + 1, n + 1)))


def nominal_pass(nominal: Bools, k: int) -> Floats:
    """The pass@k of each problem on its nominal prompt, of shape [problems]."""
    return _estimate(nominal, k)


def robust_pass(variants: Bools, k: int, valid: Bools | None = None) -> Floats:
    """The pass@k of each problem, [problems], where a sample passes only if it does so on every
    valid variant."""
    on_all, _ = _worst_and_best(variants, valid)
    return _estimate(on_all, k)


def robust_relative(nominal: Bools, variants: Bools, k: int, valid: Bools | None = None) -> Floats:
    """How often variants change a verdict, [problems]: the pass@k of samples that pass nominally
    and fail on some variant, plus that of samples that fail nominally and pass on some."""
    on_all, on_any = _worst_and_best(variants, valid)
    return _estimate(nominal & ~on_all, k) + _estimate(~nominal & on_any, k)


def robust_pass_at_k(variants: Bools, k: int, valid: Bools | None = None) -> float:
    """RP_s@k, the mean over problems of ``robust_pass``."""
    return _mean(robust_pass(variants, k, valid)[has_variant(variants, valid)])


def robust_drop_at_k(nominal: Bools, variants: Bools, k: int, valid: Bools | None = None) -> float:
    """RD_s@k as a fraction: (Pass@k - RP_s@k) / Pass@k.

    It is negative when the variants are easier than the nominal prompts, and NaN when no sample
    passes nominally.
    """
    counted = has_variant(variants, valid)
    before = _mean(nominal_pass(nominal, k)[counted])
    after = _mean(robust_pass(variants, k, valid)[counted])
    return (before - after) / before if before > 0 else float("nan")


def robust_relative_at_k(
    nominal: Bools, variants: Bools, k: int, valid: Bools | None = None
) -> float:
    """RR_s@k, the mean over problems of ``robust_relative``."""
    return _mean(robust_relative(nominal, variants, k, valid)[has_variant(variants, valid)])


def robust_pass_of_some(variants: Bools, some: int, valid: Bools | None = None) -> Floats:
    """The chance that a sample passes on all of ``some`` valid variants, drawn at random without
    replacement: the mean over each problem's samples, [problems]; NaN for one with fewer variants.

    The worst case over many variants is harder than that over few, so that groups are compared at
    equal numbers. For k = 1, a problem with exactly ``some`` variants has its ``robust_pass``.
    """
    counts = _valid(variants, valid)
    total = counts.sum(axis=1)
    passing = (variants & counts[:, :, None]).sum(axis=1)
    chance = np.ones(passing.shape)
    for drawn in range(some):  # all of the next variants pass, given that the ones before did
        left = np.maximum(total - drawn, 1)[:, None]
        chance *= np.clip(passing - drawn, 0, None) / left
    return np.where(total >= some, chance.mean(axis=1), np.nan)


def has_variant(variants: Bools, valid: Bools | None = None) -> Bools:
    """Whether any variant of a problem counts, [problems]."""
    return np.asarray(_valid(variants, valid).any(axis=1))


def bootstrap(problems: int, seed: int, resamples: int = 2000) -> NDArray[np.int64]:
    """Indices of problems drawn with replacement, [resamples, problems]; ``seed`` fixes them."""
    return np.random.default_rng(seed).integers(0, problems, (resamples, problems))


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of resampled values; NaN for both when none is defined."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def _worst_and_best(variants: Bools, valid: Bools | None) -> tuple[Bools, Bools]:
    counts = _valid(variants, valid)[:, :, None]
    on_all = np.asarray((variants | ~counts).all(axis=1))
    return on_all, np.asarray((variants & counts).any(axis=1))


def _valid(variants: Bools, valid: Bools | None) -> Bools:
    return np.ones(variants.shape[:2], dtype=bool) if valid is None else valid


def _estimate(passed: Bools, k: int) -> Floats:
    n = passed.shape[1]
    table = np.array([pass_at_k(n, c, k) for c in range(n + 1)])
    return np.asarray(table[passed.sum(axis=1)])


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
