"""From outcomes to the figures of a report, each with its interval or the reason it has none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from steadycode.randomness import derive_seed
from steadycode.recode import metrics
from steadycode.recode.metrics import Bools, Floats
from steadycode.recode.perturbations import PERTURBATIONS
from steadycode.recode.report import Figure, Outcome
from steadycode.recode.variant import GROUPS, Mode

K = 1
_MODES: dict[str, Mode] = {
    "docstring": "full", "function_name": "full", "syntax": "partial", "format": "partial",
}  # fmt: skip
_NO_PROBLEM = "no problem was evaluated"


def figures(
    outcomes: Sequence[Outcome], perturbations: Sequence[str], seed: int
) -> dict[str, Figure]:
    """Every figure, keyed by its MLflow metric name. Intervals resample problems, from ``seed``.

    A group's worst case ranges over all its perturbations and seeds together; variants whose
    prompt did not change are left out of it.
    """
    found: dict[str, Figure] = {}
    for mode in ("full", "partial"):
        rows = [o for o in outcomes if o.perturbation is None and o.mode == mode]
        found[f"recode/{mode}/pass_at_{K}"] = _pass(rows, seed)
    for group in GROUPS:
        table = _table(outcomes, group, None)
        prefix = f"recode/{group}"
        found[f"{prefix}/robust_pass_at_{K}"] = _robust_pass(table, group, seed)
        found[f"{prefix}/robust_drop_at_{K}"] = _robust_drop(table, group, seed)
        found[f"{prefix}/robust_relative_at_{K}"] = _robust_relative(table, group, seed)
        for name in (n for n in perturbations if PERTURBATIONS[n].group == group):
            one = _table(outcomes, group, name)
            found[f"{prefix}/{name}/robust_pass_at_{K}"] = _robust_pass(one, name, seed)
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """The problems that have a changed variant: their verdicts as arrays (see metrics)."""

    nominal: Bools
    variants: Bools
    valid: Bools


def _table(outcomes: Sequence[Outcome], group: str, name: str | None) -> _Table:
    rows: dict[str, list[tuple[bool, ...]]] = {}
    for outcome in outcomes:
        if outcome.group == group and outcome.changed and name in (None, outcome.perturbation):
            rows.setdefault(outcome.task_id, []).append(outcome.passed)
    nominal = {
        o.task_id: o.passed
        for o in outcomes
        if o.perturbation is None and o.mode == _MODES[group] and o.task_id in rows
    }
    samples = len(next(iter(nominal.values()), (False,)))
    width = max((len(rows[task]) for task in nominal), default=0)
    variants = np.zeros((len(nominal), width, samples), dtype=bool)
    valid = np.zeros((len(nominal), width), dtype=bool)
    for i, task in enumerate(nominal):
        variants[i, : len(rows[task])] = rows[task]
        valid[i, : len(rows[task])] = True
    passed = np.array(list(nominal.values()), dtype=bool).reshape(len(nominal), samples)
    return _Table(passed, variants, valid)


def _pass(rows: Sequence[Outcome], seed: int) -> Figure:
    if not rows:
        return _undefined(_NO_PROBLEM)
    values = metrics.nominal_pass(np.array([row.passed for row in rows], dtype=bool), K)
    return _figure([values], lambda means: means[0], seed)


def _robust_pass(table: _Table, what: str, seed: int) -> Figure:
    if not len(table.nominal):
        return _undefined(f"no changed variant of {what}")
    values = metrics.robust_pass(table.variants, K, table.valid)
    return _figure([values], lambda means: means[0], seed)


def _robust_drop(table: _Table, what: str, seed: int) -> Figure:
    if not len(table.nominal):
        return _undefined(f"no changed variant of {what}")
    before = metrics.nominal_pass(table.nominal, K)
    after = metrics.robust_pass(table.variants, K, table.valid)
    if not before.any():
        return _undefined("no problem is solved on its nominal prompt", len(before))

    def drop(means: Sequence[Floats]) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(means[0] > 0, (means[0] - means[1]) / means[0], np.nan)

    return _figure([before, after], drop, seed)


def _robust_relative(table: _Table, what: str, seed: int) -> Figure:
    if not len(table.nominal):
        return _undefined(f"no changed variant of {what}")
    values = metrics.robust_relative(table.nominal, table.variants, K, table.valid)
    return _figure([values], lambda means: means[0], seed)


def _figure(
    values: Sequence[Floats], statistic: Callable[[Sequence[Floats]], Floats], seed: int
) -> Figure:
    """``statistic`` of the means over problems of each of ``values``, and of resampled means."""
    count = len(values[0])
    draws = metrics.bootstrap(count, derive_seed(seed, "bootstrap"))
    low, high = metrics.interval(np.asarray(statistic([v[draws].mean(axis=1) for v in values])))
    value = float(statistic([np.asarray(v.mean()) for v in values]))
    return Figure(value=value, low=low, high=high, n=count)


def _undefined(reason: str, n: int = 0) -> Figure:
    nan = float("nan")
    return Figure(value=nan, low=nan, high=nan, n=n, reason=reason)
