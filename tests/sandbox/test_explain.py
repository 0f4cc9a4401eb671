"""What a verdict says of the assertion that failed."""

import ast
from collections.abc import Iterator

import pytest

from steadycode.sandbox import Limits, Program, Sandbox, Verdict
from steadycode.sandbox.explain import SHORT, doubt_by_words, short
from steadycode.sandbox.prepare import prepared


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=2, memory_mb=512), workers=1) as running:
        yield running


def judged(sandbox: Sandbox, body: str, code: str = "def f(x): return x") -> Verdict:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return sandbox.run(Program(code, f"def check(candidate):\n{lines}", "f"))


@pytest.mark.parametrize(
    ("assertion", "actual", "expected"),
    [
        ("assert candidate(1) == 2", "1", "2"),
        ("assert 2 == candidate(1)", "1", "2"),
        ("assert [3] == candidate([1]), 'told'", "[1]", "[3]"),
        ("x = candidate('a')\nassert x == 'b'", "'a'", "'b'"),
        ("x = candidate('a')\nassert 'b' == x", "'a'", "'b'"),
        ("assert candidate(1) in (2, 3)", "1", "(2, 3)"),
        ("assert candidate(1) > 5", "1", "5"),
        ("assert abs(candidate(1.5) - 2) < 1e-6", "1.5", "2"),
        ("import math\nassert math.isclose(candidate(1.5), 2)", "1.5", "2"),
        ("assert candidate([])", "[]", ""),
        ("assert not candidate([0])", "[0]", ""),
        ("assert candidate(0) is True", "0", "True"),
        ("import unittest\nunittest.TestCase().assertEqual(candidate(1), 2)", "1", "2"),
        ("assert candidate('a\\x1b\\n') == 'é'", r"'a\x1b\n'", "'é'"),
        ("assert candidate(10**5000) == 0", "<16610 bits>", "0"),
        ("assert candidate(1) == 1 == candidate(2)", "", ""),
        ("assert candidate(1) == 1\nraise AssertionError('other')", "", ""),
        ("assert candidate(1) == 1\ncandidate(1).x", "", ""),
        ("assert candidate(1) == 1", "", ""),
    ],
)
def test_both_sides_are_told(sandbox: Sandbox, assertion: str, actual: str, expected: str) -> None:
    verdict = judged(sandbox, assertion)
    assert (verdict.actual, verdict.expected) == (actual, expected)


def test_an_assertion_of_the_program_has_no_sides(sandbox: Sandbox) -> None:
    code = "def f(x):\n    assert x == 2\n    return x"
    verdict = judged(sandbox, "assert candidate(2) == 2\nassert candidate(1) == 1", code)
    assert verdict.status == "failed"
    assert verdict.actual == verdict.expected == ""


def test_an_object_of_the_program_is_not_asked_how_it_looks(sandbox: Sandbox) -> None:
    code = "class A:\n    def __repr__(self): return '5'\ndef f(x): return [A()]"
    verdict = judged(sandbox, "assert candidate(1) == [5]", code)
    assert (verdict.actual, verdict.expected) == ("[<A object>]", "[5]")


def test_long_values_are_cut_and_told_in_printable_characters(sandbox: Sandbox) -> None:
    verdict = judged(sandbox, "assert candidate('\\U0001f600' * 5000) == ['\\ud800' * 99999]")
    for text in (verdict.actual, verdict.expected):
        assert 100 < len(text) <= SHORT
        assert text.isprintable()


@pytest.mark.parametrize(
    "value", [list(range(10**6)), {n: [n] * 9 for n in range(999)}, "x" * 9999]
)
def test_short_is_short(value: object) -> None:
    assert len(short(value)) <= SHORT


TESTS = """
async def check(candidate):
    with open("x") as file:
        assert candidate(*file) == {"a": [1, 2]}, f"{candidate!r:>{10}}"
    assert (y := candidate(1)) and y
    assert all(candidate(n) == n for n in range(3))
    assert 1 < candidate(2) < 3
    assert lambda: 5
"""


def test_a_prepared_test_is_the_same_test() -> None:
    """It differs in the names that keep the two sides, and in nothing else."""

    class Unkeep(ast.NodeTransformer):
        def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
            self.generic_visit(node)
            return node.value if node.target.id.startswith("_steadycode_") else node

        def visit_Delete(self, node: ast.Delete) -> None:
            assert ast.unparse(node).startswith("del _steadycode_")

    made = prepared(TESTS, "f")
    assert made.count("_steadycode_") >= 4
    assert ast.dump(Unkeep().visit(ast.parse(made))) == ast.dump(ast.parse(TESTS))
    assert prepared("def check(:", "f") == "def check(:"


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("def check(c):\n    assert c(1) == 1", ""),
        ("import math, collections.abc\nfrom typing import List\n", ""),
        ("def check(c):\n    assert c(1) is None and c(2) is not True", ""),
        ("import os", "the test imports os"),
        ("def check(c):\n    from unittest import mock", "the test imports unittest"),
        ("x = id(5)", "the test uses id"),
        ("assert c() is not x", "the test compares by identity (is not x)"),
        ("x = __name__", "the test uses __name__"),
    ],
)
def test_a_doubt_names_the_words_of_the_test(test: str, said: str) -> None:
    assert doubt_by_words(test) == said
    assert doubt_by_words(prepared(test, "c")).partition("(")[0] == said.partition("(")[0]


def test_an_unsupported_verdict_names_the_construct(sandbox: Sandbox) -> None:
    verdict = judged(sandbox, "import threading\nassert candidate(threading.Lock())")
    assert verdict.status == "unsupported"
    assert verdict.detail == "an object of the type 'lock' cannot be handed over"
    verdict = judged(sandbox, "class Sub(A): pass\nassert Sub().x", "class A: x = 1\nf = A")
    assert verdict.status == "unsupported"
    assert "of the program's own type" in verdict.detail


def test_what_the_sandbox_refuses_to_a_program_in_its_own_folder_is_unsupported(
    sandbox: Sandbox,
) -> None:
    code = "import os\nopen('a', 'w').close()\nos.chmod('a', 0o600)\n"
    assert sandbox.run(Program(code)).detail == "os.chmod on its own files"
    assert sandbox.run(Program(code)).status == "unsupported"
    assert sandbox.run(Program("import os\nos.chmod('..', 0o700)")).status == "blocked"
