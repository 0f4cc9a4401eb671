"""What one model did on one prompt, and what is derived from that of many."""

from dataclasses import dataclass

from steadycode.recode.variant import Mode
from steadycode.records import Measured
from steadycode.sandbox.contract import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One prompt's verdicts, one per sample. Nominal when ``perturbation`` is None.

    ``changed`` is False for a variant whose prompt equals its nominal one: it is left out of
    worst cases and counted.
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
    """A metric with its 95 % interval over ``n`` problems. ``value`` is NaN, with ``reason``, when
    undefined. ``left_out``: problems without a variant that counts."""

    value: Measured
    low: Measured
    high: Measured
    n: int
    left_out: int = 0
    reason: str = ""
