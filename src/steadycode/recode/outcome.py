"""The outcome of one prompt, and the figure that is derived from many outcomes."""

from dataclasses import dataclass

from steadycode.recode.variant import Mode
from steadycode.records import Measured
from steadycode.sandbox.contract import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdicts on one prompt, one per sample; ``perturbation`` is None for a nominal prompt.

    ``changed`` is False for a variant whose prompt equals its nominal one: such variants are
    counted, but left out of worst cases.
    """

    task_id: str
    mode: Mode
    perturbation: str | None
    group: str | None
    seed: int | None
    changed: bool
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> tuple[bool, ...]:
        return tuple(verdict.status == "passed" for verdict in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A metric with its 95 % interval over ``n`` problems.

    ``value`` is NaN when the metric is undefined, which ``reason`` then explains. ``left_out``
    counts the problems without a variant that counts, and those of ``pass_at_1`` that can measure
    nothing.
    """

    value: Measured
    low: Measured
    high: Measured
    n: int
    left_out: int = 0
    reason: str = ""
