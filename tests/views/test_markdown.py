from dataclasses import fields, replace

import pytest

from steadycode.corpus.changes import RowChanges
from steadycode.corpus.recipe import SPLITS
from steadycode.corpus.refresh import Change
from steadycode.views.markdown import decision_markdown, evidence_markdown, refresh_markdown
from steadycode.views.tables import comparison_table


def test_markdown_holds_no_markup_of_others(decision, candidate, champion):
    text = decision_markdown(decision, comparison_table(champion, candidate), "all")
    assert "<script" not in text
    assert "\n| robust pass, format | — (&lt;script&gt;alert(1)&lt;/script&gt;\\|\\`x\\`" in text
    table = [line for line in text.splitlines() if line.startswith("| robust pass, format")]
    assert table[0].replace("\\|", "").count("|") == 5


def test_a_decision_names_rows_rules_and_what_to_do(decision, candidate, champion):
    undecided = replace(
        decision,
        outcome="undecided",
        reason="too few *problems*",
        rules=decision.rules[:1],
        next_steps=("--set evaluate.max_problems=73",),
    )
    rule = decision.rules[0]
    label = "subset: 164 of 974 problems"
    assert decision_markdown(undecided, comparison_table(champion, candidate)[:1], label) == (
        "**undecided**: too few \\*problems\\*\n"
        "\n"
        "| subset: 164 of 974 problems | champion | candidate | difference |\n"
        "|---|---:|---:|---:|\n"
        "| pass@1, full prompt | 36.6 % (31.6–41.6) | 36.6 % (31.6–41.6) | +0.0 points |\n"
        "\n"
        "- to settle it: --set evaluate.max\\_problems=73\n"
        "\n"
        "| rule | outcome | why |\n"
        "|---|---|---|\n"
        f"| {rule.name} | {rule.outcome} | {rule.reason} |\n"
    )


def test_one_models_figures(candidate):
    shown = evidence_markdown(candidate).splitlines()
    assert shown[:3] == [
        "| all 164 problems | |",
        "|---|---:|",
        "| pass@1, full prompt | 36.6 % (31.6–41.6) |",
    ]
    assert shown[-1] == "| isotropy | 0.5000 |"


@pytest.mark.parametrize(
    ("branch", "before", "added", "head", "cell", "end"),
    [
        ("", "9a60.dir", 3, "Data 0123abcd: 9 rows added, 3 removed** (current branch)", "3 | 1",
         "before 9a60.dir"),
        ("new-data", None, None, "Data 0123abcd: 30 rows** (new-data)", "? | ?", "before none"),
    ],
)  # fmt: skip
def test_a_refresh_tells_what_changed_in_each_split(branch, before, added, head, cell, end):
    removed = None if added is None else 1
    rows = RowChanges(rows=10, added=added, removed=removed)
    shown = {"md5": "0123abcd.dir", "before": before, "rows": dict.fromkeys(SPLITS, rows)}
    change = Change(**(dict.fromkeys(field.name for field in fields(Change)) | shown))
    assert refresh_markdown(change, branch).splitlines() == [
        f"**{head}",
        "",
        "| split | rows | added | removed |",
        "|---|---|---|---|",
        *(f"| {split} | 10 | {cell} |" for split in SPLITS),
        "",
        f"md5 0123abcd.dir, {end}",
    ]
