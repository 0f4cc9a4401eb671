"""Makes a retraining's page: the figures of both models, and the rules with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from steadycode.evidence import Evidence
from steadycode.files import to_json
from steadycode.gate.decision import Decision, Rule
from steadycode.views.tables import HEADINGS, comparison_table
from steadycode.views.templates import render


@dataclass(frozen=True, slots=True)
class Bar:
    """A rule's interval as places on a line from worse (0) to better (100)."""

    low: float
    value: float
    high: float
    zero: float
    threshold: float


def report_page(
    decision: Decision,
    candidate: Evidence,
    champion: Evidence | None,
    *,
    model: str,
    facts: Mapping[str, str],
) -> str:
    """An HTML page that needs nothing beside it; ``facts`` are further lines, by their title."""
    conditions = asdict(candidate.conditions)
    return render(
        "report.html.j2",
        decision=decision,
        bars=_bars(decision.rules),
        headings=HEADINGS,
        rows=comparison_table(champion, candidate),
        model=model,
        label=candidate.report.label,
        facts=facts,
        conditions={
            name: value if isinstance(value, str) else to_json(value, indent=None)
            for name, value in conditions.items()
            if value
        },
    )


def _bars(rules: Sequence[Rule]) -> dict[str, Bar]:
    """The place of each rule's interval, by the rule's name; rules of one unit share a scale."""
    drawn = {rule.name: (rule.higher_is_better, gains) for rule in rules if (gains := _gains(rule))}
    reach: dict[bool, float] = {}
    for unit, gains in drawn.values():
        reach[unit] = max(reach.get(unit, 0.0), *(1.1 * abs(gain) for gain in gains))
    return {
        name: Bar(*(round(50 + 50 * gain / reach[unit], 2) for gain in gains))
        for name, (unit, gains) in drawn.items()
    }


def _gains(rule: Rule) -> tuple[float, ...]:
    """Low, value, high, zero and threshold, with positive as better; empty without an interval."""
    if rule.value is None or rule.low is None or rule.high is None or rule.threshold is None:
        return ()
    if rule.higher_is_better:
        return rule.low, rule.value, rule.high, 0.0, rule.threshold
    return -rule.high, -rule.value, -rule.low, 0.0, -rule.threshold
