"""The page of a retraining: figures of both models, the rules with their interval bars."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from steadycode.evidence import Evidence
from steadycode.files import to_json
from steadycode.gate.decision import Decision, Rule
from steadycode.views.tables import HEADINGS, comparison_table
from steadycode.views.templates import render


@dataclass(frozen=True, slots=True)
class Bar:
    """A rule's interval on a line from worse (left) to better (right), in per cent of it."""

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
    """A self-contained HTML page. ``facts``: what else is known, such as data md5 and commit."""
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
        },
    )


def _bars(rules: Sequence[Rule]) -> dict[str, Bar]:
    """Rule name -> where to draw it; rules of the same unit share one scale."""
    drawn = {rule.name: (rule.higher_is_better, gains) for rule in rules if (gains := _gains(rule))}
    reach: dict[bool, float] = {}
    for unit, gains in drawn.values():
        reach[unit] = max(reach.get(unit, 0.0), *(1.1 * abs(gain) for gain in gains))
    return {
        name: Bar(*(round(50 + 50 * gain / reach[unit], 2) for gain in gains))
        for name, (unit, gains) in drawn.items()
    }


def _gains(rule: Rule) -> tuple[float, ...]:
    """low, value, high, zero and threshold with positive as better; empty without an interval."""
    if rule.value is None or rule.low is None or rule.high is None or rule.threshold is None:
        return ()
    if rule.higher_is_better:
        return rule.low, rule.value, rule.high, 0.0, rule.threshold
    return -rule.high, -rule.value, -rule.low, 0.0, -rule.threshold
