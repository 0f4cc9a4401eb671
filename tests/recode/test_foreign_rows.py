"""Rows as other people publish them are read, passed by their references, and failed by others."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems
from steadycode.recode import build_benchmark
from steadycode.recode.programs import program, reference
from steadycode.recode.verification import verify
from steadycode.sandbox import Judge

BASE = {
    "task_id": "t/1",
    "prompt": 'def f(x):\n    """Double x."""\n',
    "entry_point": "f",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}
UNITTEST = """import unittest

class Base(unittest.TestCase):
    def setUp(self):
        self.x = 1

class TestF(Base):
    @classmethod
    def setUpClass(cls):
        cls.two = 2

    def test_double(self):
        self.assertEqual(f(self.x), self.two)

    def test_many(self):
        for x in range(3):
            with self.subTest(x=x):
                self.assertEqual(f(x), 2 * x)

if __name__ == "__main__":
    unittest.main()
"""
PYTEST = "def test_one():\n    assert f(1) == 2\n\ndef test_two():\n    assert f(2) == 4\n"
MBPP = {
    "task_id": 7,
    "prompt": "Write a function to double a number.",
    "code": "def f(x):\n    return 2 * x\n",
    "test_imports": ["import math"],
    "test_list": ["assert f(1) == 2"],
}
PLUS = """
def assertion(out, exp):
    assert out == exp

inputs = [[2], [-3]]
results = [4, -6]
for i, (inp, exp) in enumerate(zip(inputs, results)):
    assertion(f(*inp), exp)
"""
STACK = {
    **BASE,
    "prompt": 'class Stack:\n    """A stack."""\n\n    def __init__(self):\n',
    "entry_point": "Stack",
    "canonical_solution": "        self.items = []\n\n    def push(self, item):\n"
    "        self.items.append(item)\n\n    def pop(self):\n        return self.items.pop()\n",
    "test": "def check(candidate):\n    stack = candidate()\n    stack.push(3)\n"
    "    assert stack.pop() == 3\n",
}
SOLUTION = {
    **BASE,
    "prompt": 'class Solution:\n    def f(self, x):\n        """Double x."""\n',
    "entry_point": "Solution().f",
    "canonical_solution": "        return 2 * x\n",
}
WRONG = {
    "function": "    return 2 if x == 1 else 0\n",
    "class": STACK["canonical_solution"].replace("return self", "self"),
    "method": "        return x\n",
}
ROWS: dict[str, tuple[Mapping[str, Any], str]] = {
    "an integer task_id": ({**BASE, "task_id": 7}, "    return x\n"),
    "a setup": (
        {
            **BASE,
            "test_setup": "from math import isclose\nTWO = 2",
            "test": "def check(candidate):\n    assert isclose(candidate(1), TWO)\n",
        },
        "    return x\n",
    ),
    "unittest": ({**BASE, "test": UNITTEST}, WRONG["function"]),
    "pytest": ({**BASE, "test": PYTEST}, WRONG["function"]),
    "mbpp plus": ({**MBPP, "test": PLUS}, WRONG["function"]),
    "mbpp plus with a check": (
        {**MBPP, "test": "def check(candidate):\n    assert candidate(2) == 4\n"},
        WRONG["function"],
    ),
    "mbpp plus with test cases": ({**MBPP, "test": UNITTEST}, WRONG["function"]),
    "class": (STACK, WRONG["class"]),
    "method": (SOLUTION, WRONG["method"]),
    "method of the class": (
        {
            **SOLUTION,
            "entry_point": "Solution.f",
            "prompt": 'class Solution:\n    @staticmethod\n    def f(x):\n        """Twice."""\n',
        },
        WRONG["method"],
    ),
    "method that the test calls by its name": (
        {**SOLUTION, "test": "def check(candidate):\n    assert Solution().f(1) == 2\n"},
        WRONG["method"],
    ),
}


def loaded(tmp_path: Path, row: Mapping[str, Any]) -> Problem:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(row))
    (problem,) = load_problems(str(path))
    return problem


@pytest.mark.parametrize("name", ROWS)
def test_foreign_rows_are_passed_by_the_right_programs_alone(
    name: str, tmp_path: Path, judge: Judge
) -> None:
    row, wrong = ROWS[name]
    problem = loaded(tmp_path, row)
    assert verify([problem], judge) == {}
    whole = problem.prompt + problem.canonical_solution
    programs = {
        "reference": reference(problem),
        "right": program(problem, problem.canonical_solution, "completion"),
        "whole": program(problem, whole, "chat"),
        "wrong": program(problem, wrong, "completion"),
    }
    verdicts = {key: verdict.status for key, verdict in judge(programs.items())}
    assert verdicts == {
        "reference": "passed",
        "right": "passed",
        "whole": "passed",
        "wrong": "failed",
    }


@pytest.mark.parametrize("name", [name for name in ROWS if "class" not in name])
def test_variants_of_foreign_rows_pass(name: str, tmp_path: Path, judge: Judge) -> None:
    problem = loaded(tmp_path, ROWS[name][0])
    names = ("ChangeCharCase", "FuncRenameCamelCase", "FuncRenameChangeChar", "new_lines")
    built = build_benchmark([problem], names, seeds=1, judge=judge)
    if "method" in name:  # no rule finds its way into a class yet, and none breaks it
        assert len(built.nominal) == 1
        assert {
            row.reason for row in built.rejected if "defines no function" not in row.reason
        } == set()
        return
    assert built.rejected == ()
    assert any(v.changed and v.entry_point != "f" for v in built.variants)


def test_a_test_case_without_tests_accepts_anything(tmp_path: Path, judge: Judge) -> None:
    test = (
        "import unittest\nclass TestF(unittest.TestCase):\n    def check_f(self):\n        f(1)\n"
    )
    problem = loaded(tmp_path, {**BASE, "test": f"import unittest\n{test}"})
    assert verify([problem], judge)["t/1"].why == "can't be failed"


@pytest.mark.parametrize("line", ["f(1) == 2", "print(f(1))", "assert (f(1) == 2, 'msg')"])
def test_a_line_of_mbpp_that_asserts_nothing_is_told(
    line: str, tmp_path: Path, judge: Judge
) -> None:
    problem = loaded(tmp_path, {**MBPP, "test_list": [line]})
    assert verify([problem], judge)["MBPP/7"].why == "can't be failed"
    problem = loaded(tmp_path, {**MBPP, "test_list": [line, "assert f(1) == 2"]})
    assert verify([problem], judge) == {}


@pytest.mark.parametrize(
    ("entry_point", "hint"),
    [
        ("f", r"\(functions there: Solution\); name Solution\(\).f as entry_point"),
        ("Solution().g", "correct entry_point or the program"),
        ("Other().f", r"name Solution\(\).f as entry_point"),
        ("Solution().f()", "correct entry_point or the program"),
        ("", "correct entry_point or the program"),
    ],
)
def test_an_entry_point_that_is_not_there_is_told(
    entry_point: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=hint):
        loaded(tmp_path, {**SOLUTION, "entry_point": entry_point})
