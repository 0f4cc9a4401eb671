import re
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
from tests.builders.terminal import printed


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


def test_losses_of_other_tokens_have_no_difference(champion, candidate):
    rows = comparison_table(champion, replace(candidate, tokenizer="another"))
    assert {row.difference for row in rows if row.name == "heldout/loss"} == {"—"}
    assert {row.difference for row in rows if row.name == "representation/isotropy"} == {"+0.0000"}


def test_without_a_champion_its_column_is_empty(candidate):
    assert {row.champion for row in comparison_table(None, candidate)} == {"—"}


def test_terminal_markdown_and_page_show_the_same_rows(decision, candidate, champion, page):
    rows = comparison_table(champion, candidate)
    out = StringIO()
    Console(file=out, width=240, _environ={}).print(terminal_table(rows, "steadycode"))
    text = decision_markdown(decision, rows, candidate.report.label)
    for row in rows[:2]:
        for shown in row.cells:
            assert shown in out.getvalue()
            assert shown in text
            assert shown in page


def test_every_rule_is_told_with_its_reason(decision):
    first = replace(decision.rules[0], reason="not [b]markup")
    decision = replace(decision, rules=(first, *decision.rules[1:]))
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
    shown = printed(evidence_table(evidence, "a [b]"), width=240)
    assert shown[0] == "a [b]"
    assert [re.split(r"\s{2,}", line.strip()) for line in shown if "  " in line] == [
        ["figure", "value", "95 %", "n", "left out"],
        ["recode/full/pass_at_1", "50.0 %", "41.0–59.6", "164", "3"],
        ["recode/some_variants", "7"],
        ["heldout/loss", "1.0295", "64"],
        ["representation/isotropy", "0.5000", "64"],
    ]
    below = " ".join(line.strip() for line in shown[shown.index("") :] if "undefined" in line)
    assert below.startswith("undefined (<script>alert(1)</script>|")  # no markup is read


def test_what_nobody_measured_is_no_row(candidate):
    shown = "\n".join(printed(evidence_table(replace(candidate, heldout={}), "b"), width=240))
    assert "heldout/loss" not in shown
    assert "representation/isotropy" in shown


def test_a_figure_keeps_its_name_and_value_on_a_narrow_terminal(candidate):
    name = "recode/function_name/FuncRenameInflectionalVariation/robust_relative_at_1"
    figures = {name: Figure(value=1.0, low=1.0, high=1.0, n=164)}
    evidence = replace(candidate, report=replace(candidate.report, figures=figures))
    shown = printed(evidence_table(evidence, "b"), width=80)
    begin = next(number for number, line in enumerate(shown) if "recode/" in line)
    assert shown[begin : begin + 2] == [
        name, "    value 100.0 %, 95 % 100.0–100.0, n 164, left out 0",
    ]  # fmt: skip


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
