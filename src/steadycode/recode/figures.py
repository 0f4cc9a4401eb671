"""Computes the figures of a report from outcomes, each with its interval, or why it has none."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from steadycode.randomness import derive_seed
from steadycode.recode import metrics
from steadycode.recode.metrics import Bools, Floats
from steadycode.recode.outcome import Figure, Outcome
from steadycode.recode.perturbations import PERTURBATIONS, is_natural
from steadycode.recode.variant import GROUPS, Group, Mode, mode_of

K = 1
_NO_PROBLEM = "no problem was evaluated"


def figures(
    outcomes: Sequence[Outcome], perturbations: Sequence[str], seed: int, left_out: int = 0
) -> dict[str, Figure]:
    """Every figure, keyed by its MLflow metric name; ``seed`` is for the intervals' resampling.
    ``left_out`` problems were not evaluated, since they can measure nothing.

    The worst case of a group is over all its perturbations and seeds together; that of a mode
    (``recode/full``, ``recode/partial``) is over its two groups, which share the nominal prompts.
    ``recode/natural`` is over the variants of natural perturbations alone, those of both modes:
    its nominal verdict is that on the nominal prompts of all its variants. ``recode/natural/full``,
    ``recode/natural/GROUP`` and so on are parts of it. Variants whose prompt did not change do not
    count. ``robust_pass_of_some_at_1`` takes the same
    number of variants in all groups, so that they can be compared: ``recode/some_variants``.
    """
    computed: dict[str, Figure] = {}
    tables = {group: _table(outcomes, {group}, None) for group in GROUPS}
    some = _some(list(tables.values()))
    if some:
        count = float(some)  # as every figure is, so that it is the same once read back
        computed["recode/some_variants"] = Figure(value=count, low=count, high=count, n=0)
    natural = [o for o in outcomes if o.perturbation is None or is_natural(o.perturbation)]
    what = "natural perturbations"
    computed |= _worst("recode/natural", _table(natural, set(GROUPS), None), what, seed)
    for mode in ("full", "partial"):
        rows = [o for o in outcomes if o.perturbation is None and o.mode == mode]
        computed[f"recode/{mode}/pass_at_{K}"] = _pass(rows, seed, left_out)
        groups = {group for group in GROUPS if mode_of(group) == mode}
        computed |= _worst(f"recode/{mode}", _table(outcomes, groups, None), mode, seed)
        of_mode = _table(natural, groups, None)
        computed |= _worst(f"recode/natural/{mode}", of_mode, f"{what} of {mode}", seed)
    for group, table in tables.items():
        computed |= _worst(f"recode/{group}", table, group, seed)
        of_group = _table(natural, {group}, None)
        computed |= _worst(f"recode/natural/{group}", of_group, f"{what} of {group}", seed)
        if some:
            name = f"recode/{group}/robust_pass_of_some_at_{K}"
            computed[name] = _robust_pass_of_some(table, some, group, seed)
        for name in (n for n in perturbations if PERTURBATIONS[n].group == group):
            single = _table(outcomes, {group}, name)
            computed |= _worst(f"recode/{group}/{name}", single, name, seed)
    return computed


def _worst(prefix: str, table: "_Table", what: str, seed: int) -> dict[str, Figure]:
    return {
        f"{prefix}/robust_pass_at_{K}": _robust_pass(table, what, seed),
        f"{prefix}/robust_drop_at_{K}": _robust_drop(table, what, seed),
        f"{prefix}/robust_relative_at_{K}": _robust_relative(table, what, seed),
    }


def _some(tables: Sequence["_Table"]) -> int:
    """The smallest of the groups' median numbers of variants per problem, so that about half of the
    problems of every group have as many; 0 when no group has variants."""
    counts = [table.valid.sum(axis=1) for table in tables if len(table.valid)]
    return min((int(np.median(count)) for count in counts), default=0)


@dataclass(frozen=True, slots=True)
class _Table:
    """The verdicts on the problems that have a changed variant, as arrays (see ``metrics``).

    ``left_out`` counts the problems that have none.
    """

    nominal: Bools
    variants: Bools
    valid: Bools
    left_out: int


def _table(outcomes: Sequence[Outcome], groups: Set[Group], name: str | None) -> _Table:
    """The table of ``groups``; only of the perturbation ``name`` if given.

    The nominal verdict on a problem is that on the prompts that its variants were made of: one if
    the groups share a mode, else up to two, and then both have to pass.
    """
    rows: dict[str, list[tuple[bool, ...]]] = {}
    origins: dict[str, set[Mode]] = {}
    for outcome in outcomes:
        if outcome.group in groups and outcome.changed and name in (None, outcome.perturbation):
            rows.setdefault(outcome.task_id, []).append(outcome.passed)
            origins.setdefault(outcome.task_id, set()).add(outcome.mode)
    modes = {mode_of(group) for group in groups}
    every: dict[str, tuple[bool, ...]] = {}
    for o in outcomes:
        if o.perturbation is None and o.mode in origins.get(o.task_id, modes):
            before = every.get(o.task_id, (True,) * len(o.passed))
            every[o.task_id] = tuple(a and b for a, b in zip(before, o.passed, strict=True))
    nominal = {task: passed for task, passed in every.items() if task in rows}
    samples = len(next(iter(nominal.values()), (False,)))
    width = max((len(rows[task]) for task in nominal), default=0)
    variants = np.zeros((len(nominal), width, samples), dtype=bool)
    valid = np.zeros((len(nominal), width), dtype=bool)
    for i, task in enumerate(nominal):
        variants[i, : len(rows[task])] = rows[task]
        valid[i, : len(rows[task])] = True
    passed = np.array(list(nominal.values()), dtype=bool).reshape(len(nominal), samples)
    return _Table(passed, variants, valid, len(every) - len(nominal))


def _pass(rows: Sequence[Outcome], seed: int, left_out: int) -> Figure:
    if not rows:
        return _undefined(_NO_PROBLEM, left_out=left_out)
    values = metrics.nominal_pass(np.array([row.passed for row in rows], dtype=bool), K)
    return _figure([values], lambda means: means[0], seed, left_out)


def _robust_pass(table: _Table, what: str, seed: int) -> Figure:
    if not len(table.nominal):
        return _undefined(f"no changed variant of {what}", left_out=table.left_out)
    values = metrics.robust_pass(table.variants, K, table.valid)
    return _figure([values], lambda means: means[0], seed, table.left_out)


def _robust_pass_of_some(table: _Table, some: int, what: str, seed: int) -> Figure:
    values = metrics.robust_pass_of_some(table.variants, some, table.valid)
    counted = values[~np.isnan(values)]
    if not counted.size:
        return _undefined(f"no problem has {some} changed variants of {what}", len(values))
    figure = _figure([counted], lambda means: means[0], seed)
    return replace(figure, left_out=table.left_out + len(values) - len(counted))


def _robust_drop(table: _Table, what: str, seed: int) -> Figure:
    if not len(table.nominal):
        return _undefined(f"no changed variant of {what}", left_out=table.left_out)
    before = metrics.nominal_pass(table.nominal, K)
    after = metrics.robust_pass(table.variants, K, table.valid)
    if not before.any():
        reason = "no problem is solved on its nominal prompt"
        return _undefined(reason, len(before), table.left_out)

    def drop(means: Sequence[Floats]) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(means[0] > 0, (means[0] - means[1]) / means[0], np.nan)

    return _figure([before, after], drop, seed, table.left_out)


def _robust_relative(table: _Table, what: str, seed: int) -> Figure:
    if not len(table.nominal):
        return _undefined(f"no changed variant of {what}", left_out=table.left_out)
    values = metrics.robust_relative(table.nominal, table.variants, K, table.valid)
    return _figure([values], lambda means: means[0], seed, table.left_out)


def _figure(
    values: Sequence[Floats],
    statistic: Callable[[Sequence[Floats]], Floats],
    seed: int,
    left_out: int = 0,
) -> Figure:
    """The figure that ``statistic`` gives for the means over problems of each of ``values``.

    Its interval comes from the means over resampled problems.
    """
    count = len(values[0])
    draws = metrics.bootstrap(count, derive_seed(seed, "bootstrap"))
    low, high = metrics.interval(np.asarray(statistic([v[draws].mean(axis=1) for v in values])))
    value = float(statistic([np.asarray(v.mean()) for v in values]))
    return Figure(value=value, low=low, high=high, n=count, left_out=left_out)


def _undefined(reason: str, n: int = 0, left_out: int = 0) -> Figure:
    nan = float("nan")
    return Figure(value=nan, low=nan, high=nan, n=n, left_out=left_out, reason=reason)
