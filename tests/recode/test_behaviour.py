"""Of programs that do the same, one is run."""

from collections.abc import Iterable, Iterator

import pytest

from steadycode.problems import Problem
from steadycode.recode import build_benchmark
from steadycode.recode.behaviour import behaviour
from steadycode.sandbox.contract import Key, Program, Verdict

PLAIN = 'def f(x, y=1):\n    """Add."""\n    return x + y\n'


@pytest.mark.parametrize(
    "same",
    [
        'def f(x, y=1):\n    """Sum both, please."""\n    return x + y\n',
        "\n\ndef f(x, y=1):\n\t'''Add.'''\n\n\treturn (x +\n\t\ty)\n",
    ],
)
def test_layout_and_docstrings_do_nothing(same: str) -> None:
    assert behaviour(same) == behaviour(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace("def f", "def g"),
        PLAIN.replace("y=1", "y=1.0"),
        PLAIN.replace("y=1", "y=True"),
        PLAIN.replace("y=1", "y: int = 1"),
        PLAIN.replace("x + y", "y + x"),
        PLAIN.replace("x, y=1", "x, z=1").replace("+ y", "+ z"),
        PLAIN.replace("x, y=1", "x, /, y=1"),
        PLAIN.replace("    return", "    assert x\n    return"),
        PLAIN.replace("    return x + y", "    return (lambda: x + y)()"),
        PLAIN.replace("    return x + y", "    return (lambda: x - y)()"),
        PLAIN.replace("x + y", "x + y if x in {1, 2} else -0.0"),
        PLAIN.replace("x + y", "x + y if x in {1, 2} else 0.0"),
        "async " + PLAIN,
    ],
)
def test_all_else_does_something(other: str) -> None:
    assert behaviour(other) != behaviour(PLAIN)


def test_two_programs_with_other_functions_inside_differ() -> None:
    one, other = (PLAIN.replace("x + y", f"(lambda: x {sign} y)()") for sign in "+-")
    assert behaviour(one) != behaviour(other)


def test_assertions_are_instructions_too() -> None:
    checked = PLAIN.replace("    return", "    assert x > 1\n    return")
    assert behaviour(checked) == behaviour(checked.replace("x + y", "(x + y)"))
    assert behaviour(checked) != behaviour(checked.replace("x > 1", "x > 2"))


def test_a_program_or_test_that_reads_docstrings_is_its_text() -> None:
    reads = PLAIN + "assert f.__doc__ == 'Add.'\n"
    assert behaviour(reads) != behaviour(reads.replace('"""Add."""', '"""Sum."""'))
    test = "def check(candidate):\n    assert candidate.__doc__ == 'Add.'\n"
    assert behaviour(PLAIN, test) != behaviour(PLAIN.replace('"""Add."""', '"""Sum."""'), test)


def test_what_does_not_parse_says_so() -> None:
    with pytest.raises(SyntaxError):
        behaviour("def f(:\n")


def test_a_benchmark_runs_each_behaviour_once_and_reads_docstrings_where_asked() -> None:
    ran: list[Program] = []

    def judge(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        for key, program in programs:
            stub = "(*args, **options):" in program.code  # which a test has to refuse
            if not stub:
                ran.append(program)
            yield (
                key,
                Verdict(
                    status="failed" if stub else "passed", detail="AssertionError" if stub else ""
                ),
            )

    problem = Problem(
        task_id="t/1",
        prompt='def double(value):\n    """Give twice the value of the number."""\n',
        entry_point="double",
        canonical_solution="    return 2 * value\n",
        test="def check(candidate):\n    assert candidate(2) == 4\n",
    )
    names = ["ChangeCharCase", "WhitespacePerturbation", "FuncRenameCamelCase", "new_lines"]
    benchmark = build_benchmark([problem], names, seeds=5, judge=judge)
    assert len(benchmark.variants) == 16
    assert len(ran) < 4
    before = len(ran)
    reader = Problem(
        task_id="t/2",
        prompt=problem.prompt,
        entry_point="double",
        canonical_solution=problem.canonical_solution,
        test=problem.test + "    assert 'twice' in candidate.__doc__.lower()\n",
    )
    build_benchmark([reader], ["ChangeCharCase"], seeds=5, judge=judge)
    assert len(ran) - before == 1 + 5  # the problem itself, and every variant


def test_a_program_that_may_see_its_docstring_by_another_way_is_not_taken_for_another() -> None:
    """By ``vars``, ``__dict__`` or pydoc, in the program or in its test."""
    one, other = (f"class A:\n    '''{text}'''\n" for text in ("one", "other"))
    assert behaviour(one) == behaviour(other)
    for sees in ("vars(A)", "A.__dict__", "__import__('pydoc').render_doc(A)"):
        assert behaviour(one, sees) != behaviour(other, sees)
        assert behaviour(f"{one}print({sees})\n") != behaviour(f"{other}print({sees})\n")
