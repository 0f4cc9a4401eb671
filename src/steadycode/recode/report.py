"""The report on one model and one benchmark: every verdict, and the figures derived from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steadycode.recode.benchmark import Benchmark
from steadycode.recode.figures import figures
from steadycode.recode.outcome import Figure, Outcome
from steadycode.recode.perturbations import is_natural
from steadycode.recode.variant import Mode, Variant
from steadycode.sandbox.contract import Verdict

__all__ = ["Figure", "Outcome", "Report", "build_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every outcome and figure of one model on one benchmark.

    ``problems`` of ``total_problems`` were evaluated; ``label`` tells of a subset, and of problems
    that were ``left_out`` by the reason why (``verification.Why``), wherever figures are shown.
    """

    benchmark_hash: str
    problems: int
    total_problems: int
    outcomes: tuple[Outcome, ...]
    figures: Mapping[str, Figure]
    """Keys are MLflow metric names, e.g. ``recode/docstring/robust_pass_at_1``."""
    left_out: Mapping[str, int] = field(default_factory=dict)

    def nominal(self, mode: Mode) -> dict[str, tuple[bool, ...]]:
        """task_id -> whether each sample passed on the unperturbed prompt."""
        return {
            outcome.task_id: outcome.passed
            for outcome in self.outcomes
            if outcome.perturbation is None and outcome.mode == mode
        }

    def robust(self, part: str | None = None) -> dict[str, tuple[bool, ...]]:
        """task_id -> whether each sample passed on every changed variant of ``part``: a group,
        ``natural`` perturbations, or all.

        A problem without a changed variant is absent.
        """
        worst: dict[str, tuple[bool, ...]] = {}
        for outcome in self.outcomes:
            if outcome.perturbation is None or not outcome.changed:
                continue
            if part == "natural" and not is_natural(outcome.perturbation):
                continue
            if part not in (None, "natural", outcome.group):
                continue
            before = worst.get(outcome.task_id, (True,) * len(outcome.verdicts))
            worst[outcome.task_id] = tuple(
                a and b for a, b in zip(before, outcome.passed, strict=True)
            )
        return worst

    @property
    def label(self) -> str:
        """How many problems stand behind the figures, in words for a table's heading."""
        chosen = self.problems + sum(self.left_out.values())
        if chosen < self.total_problems:
            measured = f"subset: {self.problems} of {self.total_problems} problems"
        else:
            measured = f"{'' if self.left_out else 'all '}{self.problems} problems"
        others = [f"{n} of {chosen} {why}, left out" for why, n in self.left_out.items()]
        return "; ".join([measured, *others])


def build_report(
    benchmark: Benchmark,
    verdicts: Sequence[tuple[Verdict, ...]],
    total_problems: int | None = None,
    seed: int = 0,
) -> Report:
    """The report on ``verdicts``, one tuple of samples for each of ``benchmark.cases()``.

    ``seed`` is that of the intervals' resampling.
    """
    outcomes = tuple(
        Outcome(
            task_id=problem.task_id,
            mode=mode,
            perturbation=problem.perturbation if isinstance(problem, Variant) else None,
            group=problem.group if isinstance(problem, Variant) else None,
            seed=problem.seed if isinstance(problem, Variant) else None,
            changed=problem.changed if isinstance(problem, Variant) else False,
            verdicts=samples,
        )
        for (mode, problem), samples in zip(benchmark.cases(), verdicts, strict=True)
    )
    left_out = benchmark.left_out
    return Report(
        benchmark_hash=benchmark.content_hash,
        problems=len(benchmark.nominal),
        total_problems=total_problems or benchmark.total_problems,
        outcomes=outcomes,
        figures=figures(outcomes, benchmark.perturbations, seed, len(left_out)),
        left_out=Counter(row.why for row in left_out.values()),
    )
