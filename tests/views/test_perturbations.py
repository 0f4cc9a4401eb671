from dataclasses import asdict, replace

import pytest

from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS
from steadycode.recode.variant import Variant
from steadycode.views.perturbations import perturbations_table, variant_diff
from tests.builders.terminal import cells, printed

NOMINAL = Problem(
    task_id="a/1",
    prompt='def f(x):\n    """Add one."""\n',
    entry_point="f",
    canonical_solution="    return x + 1\n",
    test="def check(candidate):\n    assert candidate(1) == 2\n",
)


def variant(changed: bool = True, **changes: str) -> Variant:
    return Variant(
        **(asdict(NOMINAL) | changes),
        perturbation="tabs_indent", group="format", seed=3, style="sound", changed=changed,
    )  # fmt: skip


def test_every_perturbation_is_listed_with_its_reason() -> None:
    heading, *rows = cells(printed(perturbations_table(), width=300))
    assert heading == ["name", "group", "kind", "prompt", "seeds", "needs", "where people write so"]
    assert [row[0] for row in rows] == list(PERTURBATIONS)
    assert all(row[6] for row in rows)
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["BackTranslation"] == [
        *("docstring", "natural", "full", "one", "translate", "published")
    ]
    assert by_name["ChangeCharCase"] == ["docstring", "stress", "full", "many", "", "published"]
    assert by_name["TypeHintsRemoved"] == [
        *("syntax", "natural", "partial", "one", ""),
        "scripts, notebooks and older code have no annotations",
    ]


def test_a_diff_shows_blanks_and_signs_that_a_terminal_would_act_on() -> None:
    prompt = 'def f(x):\n\t"""Add  \x1bone."""\n'
    shown = printed(*variant_diff(NOMINAL, variant(prompt=prompt)))
    assert shown == [
        "a/1, tabs_indent, seed 3, style sound",
        "--- prompt",
        "  def f(x):",
        '- ␣␣␣␣"""Add one."""',
        '+ →   """Add ␣\\x1bone."""',
        "",
    ]


def test_a_diff_shows_line_ends_and_all_that_changed() -> None:
    test = NOMINAL.test.replace("(1) == 2\n", "(1) == 3")
    solution = "    return x + 1\n\n"
    shown = printed(*variant_diff(NOMINAL, variant(canonical_solution=solution, test=test)))
    assert shown == [
        "a/1, tabs_indent, seed 3, style sound",
        "--- prompt",
        "  def f(x):",
        '      """Add one."""',
        "",
        "--- canonical_solution",
        "      return x + 1",
        "+ ⏎",
        "",
        "--- test",
        "  def check(candidate):",
        "-     assert candidate(1) == 2⏎",
        "+     assert candidate(1) == 3",
        "",
    ]


@pytest.mark.parametrize("changed", [True, False])
def test_a_perturbation_that_changes_nothing_says_so(changed: bool) -> None:
    shown = printed(*variant_diff(replace(NOMINAL), variant(changed)))
    assert ("the prompt does not change" in shown) != changed
