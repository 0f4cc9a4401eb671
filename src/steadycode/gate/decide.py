"""Decides, on paired evidence alone, whether a candidate may replace the champion.

Nothing but the arguments counts, and doubt never promotes: not a missing measurement, not too few
problems, not damaged figures.
"""

import math

from steadycode.errors import EvidenceError
from steadycode.evidence import Evidence
from steadycode.gate.comparison import compare
from steadycode.gate.decision import Compared, Decision, EvidenceRef, Outcome, Rule
from steadycode.gate.policy import Policy
from steadycode.gate.rules import Facts, better, fact_rules, not_worse
from steadycode.recode.report import Report

__all__ = ["Facts", "decide"]


def decide(
    candidate: Evidence, champion: Evidence | None, policy: Policy, facts: Facts
) -> Decision:
    """The decision on the candidate, with every rule's figures; ``champion`` is None before there
    is one. Raises EvidenceError when the two were measured under different conditions or on
    different problems."""
    if champion is not None:
        _same_conditions(candidate, champion)
    rules = [*fact_rules(candidate, champion, facts)]
    if champion is not None:
        comparisons = {name: compare(name, candidate, champion) for name in policy.measures}
        rules += [not_worse(comparisons[name], policy) for name in policy.rules]
        if policy.require_improvement:
            rules.append(better([comparisons[name] for name in policy.improvement_in], policy))
    outcome = _outcome(rules, policy, first=champion is None)
    return Decision(
        outcome=outcome,
        reason=_reason(outcome, rules),
        next_steps=_next_steps(rules, candidate.report) if outcome == "undecided" else (),
        rules=tuple(rules),
        evidence=Compared(
            candidate=EvidenceRef.of(candidate),
            champion=EvidenceRef.of(champion) if champion is not None else None,
        ),
        retraining=facts.retraining,
        attempt=facts.attempt,
        policy=policy.model_dump(mode="json"),
        data_dirty=facts.data_dirty,
    )


def _outcome(rules: list[Rule], policy: Policy, *, first: bool) -> Outcome:
    outcomes = {rule.outcome for rule in rules}
    if "fail" in outcomes:
        return "reject"
    if "undecided" in outcomes:
        return "undecided"
    if first:
        return "bootstrap"
    return "pending" if policy.require_approval else "promote"


def _same_conditions(candidate: Evidence, champion: Evidence) -> None:
    differences = candidate.conditions.differences(champion.conditions)
    if differences:
        raise EvidenceError(
            "candidate and champion were evaluated under different conditions "
            f"({'; '.join(differences)}); evaluate both again the same way"
        )


def _reason(outcome: Outcome, rules: list[Rule]) -> str:
    if outcome == "bootstrap":
        return "there is no champion to compare with: this model is the first"
    if outcome == "promote":
        better = [rule.reason for rule in rules if rule.name == "improvement"]
        return "; ".join(["every rule passes", *better])
    if outcome == "pending":
        return "every rule passes; the policy asks for a person's approval"
    decisive = "fail" if outcome == "reject" else "undecided"
    return "; ".join(f"{rule.name}: {rule.reason}" for rule in rules if rule.outcome == decisive)


def _next_steps(rules: list[Rule], report: Report) -> tuple[str, ...]:
    """The settings that would give the undecided rules what they lack."""
    open_rules = [rule for rule in rules if rule.outcome == "undecided" and rule.needed]
    steps = []
    # a robust rule sees only the problems that some perturbation changed
    problems = [
        math.ceil(rule.needed * report.problems / rule.n)
        for rule in open_rules
        if rule.needed and rule.n and rule.higher_is_better
    ]
    if problems and max(problems) <= report.total_problems:
        steps.append(f"--set evaluate.max_problems={max(problems)}")
    elif problems:
        steps.append(
            f"the benchmark has {report.total_problems} problems: name a larger one in "
            "evaluate.problems or raise the margin"
        )
    documents = [rule.needed for rule in open_rules if rule.needed and not rule.higher_is_better]
    if documents:
        steps.append(
            f"--set evaluate.heldout_documents={max(documents)} (as far as data/test.jsonl goes)"
        )
    if any(rule.name.startswith("robustness") and rule.n == 0 for rule in open_rules):
        steps.append("name perturbations in evaluate.perturbations")
    return tuple(steps)
