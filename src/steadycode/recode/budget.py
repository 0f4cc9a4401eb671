"""Chooses the perturbations to run when there is no time for all: those that told most before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steadycode.errors import ConfigError
from steadycode.recode.perturbations import PERTURBATIONS
from steadycode.recode.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What earlier runs tell of one perturbation.

    ``flips`` holds the (run, task) pairs in which some variant's verdict differed from the nominal
    one; ``prompts`` counts the changed variants that were evaluated.
    """

    name: str
    flips: frozenset[tuple[int, str]]
    prompts: int


def told(reports: Iterable[Report]) -> list[Told]:
    """What the earlier ``reports`` tell of each perturbation in them, sorted by name."""
    flips: dict[str, set[tuple[int, str]]] = {}
    prompts: dict[str, int] = {}
    for number, report in enumerate(reports):
        nominal = {mode: report.nominal(mode) for mode in ("full", "partial")}
        for outcome in report.outcomes:
            name = outcome.perturbation
            if name is None or name not in PERTURBATIONS or not outcome.changed:
                continue
            prompts[name] = prompts.get(name, 0) + 1
            flips.setdefault(name, set())
            if outcome.passed != nominal[outcome.mode].get(outcome.task_id, outcome.passed):
                flips[name].add((number, outcome.task_id))
    return [Told(name=n, flips=frozenset(flips[n]), prompts=prompts[n]) for n in sorted(prompts)]


def choose(earlier: Sequence[Told], problems: int, seeds: int, budget: int) -> list[str]:
    """The names of perturbations that together take no more than ``budget`` prompts.

    Each runs on ``problems`` problems, with ``seeds`` seeds if it is random. The choice is greedy:
    each time the perturbation that adds most changed verdicts per prompt, so that two which break
    the same problems are not both chosen. Raises ConfigError without an earlier run, or when
    nothing fits.
    """
    if not earlier:
        raise ConfigError(
            "no earlier run tells which perturbations to choose; evaluate once without --budget"
        )
    costs = {t.name: problems * (seeds if PERTURBATIONS[t.name].random else 1) for t in earlier}
    chosen: list[str] = []
    seen: set[tuple[int, str]] = set()
    left = budget
    while fitting := [t for t in earlier if t.name not in chosen and costs[t.name] <= left]:
        best = max(
            fitting,
            key=lambda t: (len(t.flips - seen) / t.prompts, len(t.flips) / t.prompts),
        )
        chosen.append(best.name)
        seen |= best.flips
        left -= costs[best.name]
    if not chosen:
        raise ConfigError(
            f"--budget {budget} is too small: the cheapest perturbation of {problems} problems"
            f" takes {min(costs.values())} prompts"
        )
    return chosen
