from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from steadycode.gate.decide import decide
from steadycode.gate.policy import Policy
from steadycode.gate.rules import Facts
from steadycode.recode.report import Figure
from steadycode.views.markdown import decision_markdown
from steadycode.views.tables import comparison_table, evidence_table, rules_table, terminal_table
from tests.builders.evidence import HOSTILE, NO_FIGURE
from tests.builders.terminal import cells, printed


def test_the_rows_stand_side_by_side(champion, candidate):
    rows = comparison_table(champion, candidate)
    assert [row.cells for row in rows] == [
        ("pass@1, full prompt", "36.6 % (31.6–41.6)", "36.6 % (31.6–41.6)",
         "+0.0 points"),
        ("robust pass, docstring", "25.0 % (20.0–30.0)", "51.2 % (46.2–56.2)",
         "+26.2 points"),
        ("robust pass, format", f"— ({HOSTILE})", f"— ({HOSTILE})", "—"),
        ("held-out loss, nats/token", "1.0295", "1.0295", "+0.0000"),
        ("isotropy", "0.5000", "0.5000", "+0.0000"),
    ]  # fmt: skip


def test_without_a_champion_its_column_is_empty(candidate):
    assert {row.champion for row in comparison_table(None, candidate)} == {"—"}


def test_terminal_markdown_and_page_show_the_same_rows(decision, candidate, champion, page):
    rows = comparison_table(champion, candidate)
    out = StringIO()
    Console(file=out, width=240, _environ={}).print(terminal_table(rows, "steadycode"))
    text = decision_markdown(decision, rows)
    for row in rows[:2]:
        for shown in row.cells:
            assert shown in out.getvalue()
            assert shown in text
            assert shown in page


def test_every_rule_is_told_with_its_reason(decision):
    shown = [line.split(maxsplit=2) for line in printed(rules_table(decision), width=240)]
    assert shown == [[rule.outcome, rule.name, rule.reason] for rule in decision.rules] + [
        decision.reason.split(maxsplit=2)
    ]


def test_a_rule_that_does_not_pass_says_all(candidate):
    facts = Facts(retraining="abc", attempt=1, data_valid=False)
    rejected = decide(candidate, None, Policy(), facts)
    assert printed(rules_table(rejected), width=240) == [
        "  fail  data/valid      the data failed validation",
        "  pass  data/versioned  the data is the version in data.dvc",
    ]


def test_all_figures_of_a_model_with_what_they_are_from(candidate):
    figures = {
        "recode/full/pass_at_1": Figure(value=0.5, low=0.41, high=0.596, n=164, left_out=3),
        "recode/some_variants": Figure(value=7.0, low=7.0, high=7.0, n=164),
        "recode/format/robust_pass_at_1": NO_FIGURE,
    }
    evidence = replace(candidate, report=replace(candidate.report, figures=figures))
    assert cells(printed(evidence_table(evidence, "a [b]"), width=240)) == [
        ["figure", "a [b]", "95 %", "n", "left out"],
        ["recode/full/pass_at_1", "50.0 %", "41.0–59.6", "164", "3"],
        ["recode/some_variants", "7", "", "", ""],
        ["recode/format/robust_pass_at_1", f"— {HOSTILE}", "", "0", ""],
        ["heldout/loss", "1.0295", "", "64", ""],
        ["representation/isotropy", "0.5000", "", "64", ""],
    ]
    recorded = replace(evidence, heldout={}, representation={})
    rows = cells(printed(evidence_table(recorded, "b"), width=240))
    assert [row[0] for row in rows[1:]] == list(figures)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("recode/partial/pass_at_1", "pass@1, partial prompt"),
        ("recode/full/robust_pass_at_1", "robust pass, full prompt"),
        ("recode/function_name/robust_pass_at_1", "robust pass, function name"),
    ],
)
def test_a_row_has_a_name_for_people(candidate, name, label):
    figure = Figure(value=0.5, low=0.4, high=0.6, n=1)
    evidence = replace(candidate, report=replace(candidate.report, figures={name: figure}))
    assert comparison_table(None, evidence)[0].label == label
