"""Rows as users write them: full and partial mode, and a reference that fails its own test."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from steadycode.problems import Problem, load_problems
from steadycode.recode import build_benchmark, partial
from steadycode.recode.source import Source
from steadycode.sandbox import Judge, Program

TEST = "def check(candidate):\n    assert candidate(2) == 4\n"
AWAITED = "import asyncio\n\ndef check(candidate):\n    assert asyncio.run(candidate(2)) == 4\n"
DOC = 'def f(x):\n    """Give twice x."""\n'
BODY = "    a = x\n    return a + x\n"
HELPER = 'class Box:\n    """Holds f(x)."""\n\n    def f(self):\n        return 1\n\n\n'
SECOND = 'def g(f):\n    """Give f."""\n    y = f\n    return y\n\n\n'
MOVED = "    a = x\n"
UNICODE = 'def f(x):\n    """Añade 🎈 dos veces\u2028x."""\n'
SEPARATORS = "    é = '\u2028\x0b\x85\x0c'\n    return 2 * x if é else é\n"
ROWS = {  # prompt, solution, how the partial prompt goes on after the prompt
    "plain": (DOC, BODY, MOVED),
    "no docstring": ("def f(x):\n", BODY, MOVED),
    "one line": (DOC, "    return x + x\n", ""),
    "one line, no docstring": ("def f(x):\n", "    return x + x\n", ""),
    "on the line": ("def f(x):", " return x + x\n", ""),
    "lambda": (DOC, "    double = lambda y: y + y\n    return double(x)", "    double = "
               "lambda y: y + y\n"),
    "crlf": (DOC.replace("\n", "\r\n"), BODY.replace("\n", "\r\n"), "    a = x\r\n"),
    "unicode": (UNICODE, "    é = x\n    return é + x\n", "    é = x\n"),
    "separators in a string": (DOC, SEPARATORS, SEPARATORS.partition("\n")[0] + "\n"),
    "class before": (HELPER + DOC, BODY, MOVED),
    "function before": (SECOND + DOC, BODY, MOVED),
    "function of that name before": (SECOND.replace("g(f)", "f(g)").replace(" f", " g", 1) + DOC,
                                     BODY, MOVED),
    "async": (f"async {DOC}", BODY, MOVED),
    "nested": (DOC, "    def f(y):\n        return y + x\n\n    return f(x)\n",
               "    def f(y):\n        return y + x\n"),
    "no newline after docstring": (DOC[:-1], "\n" + BODY, "\n" + MOVED),
    "no newline after header": ("def f(x):", "\n" + BODY, "\n" + MOVED),
    "indentation at the end": (DOC + "    ", BODY[4:], MOVED[4:]),
    "no last newline": (DOC, BODY[:-1], MOVED),
    "part of the body": (DOC + "    a = x\n    b = a\n    c = b\n", "    d = c\n    return d + x\n",
                         "    d = c\n"),
    "part of a line": (DOC + "    a = x\n    b =", " a\n    c = b\n    return c + x\n",
                       " a\n    c = b\n"),
    "all but a line": (DOC + "    a = x\n    b = a\n", "    return b + x\n", ""),
}  # fmt: skip


def _problem(name: str) -> Problem:
    prompt, solution, _ = ROWS[name]
    return Problem(
        task_id=f"mine/{name}",
        prompt=prompt,
        entry_point="f",
        canonical_solution=solution,
        test=AWAITED if name == "async" else TEST,
    )


@pytest.mark.parametrize("name", ROWS)
def test_partial_gives_half_of_what_was_hidden(name: str) -> None:
    problem = _problem(name)
    half = partial(problem)
    assert half.prompt == problem.prompt + ROWS[name][2]
    assert Source(half).text == Source(problem).text
    assert (half == problem) == (not ROWS[name][2])  # unchanged where there is no half


def test_odd_rows_are_loaded_pass_and_keep_every_variant(tmp_path: Path, judge: Judge) -> None:
    path = tmp_path / "mine.jsonl"
    problems = [_problem(name) for name in ROWS]
    path.write_text("\n".join(json.dumps(asdict(problem)) for problem in problems))
    assert load_problems(str(path)) == problems
    names = ("ChangeCharCase", "FuncRenameChangeChar", "VarRenamerNaive", "new_lines", "tab_indent")
    built = build_benchmark(load_problems(str(path)), names, seeds=1, judge=judge)
    assert built.left_out == {}
    assert built.rejected == ()
    halves = [Program(p.prompt + p.canonical_solution, p.test, "f") for p in built.partial]
    assert {verdict.status for _, verdict in judge(enumerate(halves))} == {"passed"}


def test_problems_whose_reference_fails_are_left_out(judge: Judge) -> None:
    plain, wrong, endless = (_problem("plain") for _ in range(3))
    rows = [
        plain,
        Problem(**{**asdict(wrong), "task_id": "wrong", "canonical_solution": "    return x\n"}),
        Problem(**{**asdict(endless), "task_id": "raises", "canonical_solution": "    x / 0\n"}),
    ]
    built = build_benchmark(rows, names=(), judge=judge)
    assert [problem.task_id for problem in built.nominal] == [plain.task_id]
    assert list(built.left_out) == ["wrong", "raises"]
    assert "AssertionError" in built.left_out["wrong"].detail
    assert "ZeroDivisionError" in built.left_out["raises"].detail
    assert build_benchmark(rows, ()).left_out == {}  # nothing was run
