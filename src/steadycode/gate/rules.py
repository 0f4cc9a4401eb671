"""The rules of a gate: each compares one measure of candidate and champion, or states a fact."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from steadycode.evidence import Evidence
from steadycode.gate.comparison import Comparison
from steadycode.gate.decision import Rule, RuleOutcome
from steadycode.gate.intervals import Interval, tango
from steadycode.gate.policy import Policy

_MOST_PLANNED = 100_000
"""The most problems or documents that the gate plans with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the gate must know besides the two models' evidence."""

    retraining: str
    attempt: int
    data_valid: bool
    data_dirty: bool = False
    """data/ differs from the version in ``data.dvc``, so nobody could train this model again."""


def fact_rules(candidate: Evidence, champion: Evidence | None, facts: Facts) -> list[Rule]:
    """The rules about the data and about whether the model is new; they need no statistics."""

    def rule(name: str, holds: bool, good: str, bad: str) -> Rule:
        return Rule(name=name, outcome="pass" if holds else "fail", reason=good if holds else bad)

    rules = [
        rule("data/valid", facts.data_valid, "the data passed validation",
             "the data failed validation"),
        rule("data/versioned", not facts.data_dirty, "the data is the version in data.dvc",
             "the data differs from data.dvc, so this model could not be made again; "
             "dvc add data, commit, retrain"),
    ]  # fmt: skip
    if champion is not None:
        new = candidate.model_fingerprint != champion.model_fingerprint
        rules.append(rule("model/new", new, "the weights differ from the champion's",
                          "the candidate's weights are the champion's"))  # fmt: skip
    return rules


def not_worse(comparison: Comparison, policy: Policy) -> Rule:
    """The rule that even the interval's worse end is no worse than the policy allows."""
    allowed, _ = _limits(comparison, policy)
    usable = comparison.n >= 2 and math.isfinite(comparison.candidate + comparison.champion)
    interval = comparison.interval(policy.confidence) if usable else None
    judged = _judge(comparison, policy) if usable else _unusable(comparison, policy)
    return Rule(
        name=comparison.name,
        outcome=judged.outcome,
        reason=judged.reason,
        needed=judged.needed,
        n=comparison.n,
        champion=comparison.champion,
        candidate=comparison.candidate,
        value=interval.value if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        threshold=-allowed if comparison.higher_is_better else allowed,
        higher_is_better=comparison.higher_is_better,
    )


class _Judged(NamedTuple):
    outcome: RuleOutcome
    reason: str
    needed: int | None = None


def _unusable(comparison: Comparison, policy: Policy) -> _Judged:
    units, least = comparison.units, _limits(comparison, policy)[1]
    if comparison.why_not:
        return _Judged("undecided", comparison.why_not)
    if comparison.n < 2:
        return _Judged("undecided", f"{comparison.n} {units} measured, {least} needed", least)
    if not math.isfinite(comparison.champion):
        return _Judged("undecided", "the champion's figure is not a finite number")
    return _Judged("fail", "the candidate's figure is not a finite number")


def _judge(comparison: Comparison, policy: Policy) -> _Judged:
    allowed, least = _limits(comparison, policy)
    gain, n, units = comparison.gain(policy.confidence), comparison.n, comparison.units
    amount = comparison.amount
    if n >= least and gain.low >= -allowed:
        if gain.low > 0:
            return _Judged("pass", f"better by {amount(gain.low)} at least")
        return _Judged("pass", f"worse by {amount(-gain.low)} at most, {amount(allowed)} allowed")
    if n >= least and gain.high < -allowed:
        return _Judged("fail", f"worse by {amount(-gain.high)} at least, {amount(allowed)} allowed")
    if gain.value <= -allowed:
        seen = f"worse by {amount(-gain.value)} on {n} {units}, {amount(allowed)} allowed"
        return _Judged("undecided", f"{seen}, but too few to be sure")
    needed = max(least, _needed(comparison, policy.confidence, allowed))
    drop = f"{n} {units} can rule out a drop of {amount(-gain.low)}"
    drop += f", the policy allows {amount(allowed)}"
    if n < least:
        drop = f"{n} {units} measured, the policy asks for {least}"
    return _Judged("undecided", f"{drop}: about {needed} would do", needed)


def _limits(comparison: Comparison, policy: Policy) -> tuple[float, int]:
    """The largest worsening that is allowed, and the fewest units that count."""
    if comparison.higher_is_better:
        return policy.margin, policy.min_problems
    return policy.max_loss_increase, policy.min_documents


def better(comparisons: list[Comparison], policy: Policy) -> Rule:
    """The rule that the candidate is better in one of k places, each at a chance of error / k."""
    confidence = 1 - (1 - policy.confidence) / len(comparisons)
    gains = {
        comparison.name: comparison.gain(confidence)
        for comparison in comparisons
        if comparison.n >= _limits(comparison, policy)[1]
        and math.isfinite(comparison.candidate + comparison.champion)
    }
    shown = [name for name, gain in gains.items() if gain.low > 0]
    looked = f"looked at with {confidence:.2%} intervals, for {len(comparisons)} places to look"
    if shown:
        return Rule(name="improvement", outcome="pass",
                    reason=f"better at {', '.join(shown)} ({looked})")  # fmt: skip
    possible = len(gains) < len(comparisons) or any(gain.high > 0 for gain in gains.values())
    return Rule(
        name="improvement",
        outcome="undecided" if possible else "fail",
        reason=f"not shown to be better anywhere ({looked})",
    )


def _needed(comparison: Comparison, confidence: float, allowed: float) -> int:
    """The smallest n at which the same observed rates, better than ``-allowed``, would pass."""
    now = comparison.gain(confidence)
    low, high = 1, _MOST_PLANNED
    while low < high:
        middle = (low + high) // 2
        if _planned_low(comparison, now, confidence, middle) >= -allowed:
            high = middle
        else:
            low = middle + 1
    return high


def _planned_low(comparison: Comparison, now: Interval, confidence: float, n: int) -> float:
    """The low end that the gain would have with ``n`` units at the rates observed ``now``."""
    if comparison.discordant is None:  # half-widths shrink with the root of n
        return now.value - (now.value - now.low) * math.sqrt(comparison.n / n)
    better, worse = (count * n / comparison.n for count in comparison.discordant)
    return tango(better, worse, n, confidence).low
