"""Problems that can measure nothing are told from those that can, by running them."""

import dataclasses
import os
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems
from steadycode.recode import build_benchmark
from steadycode.recode.report import build_report
from steadycode.recode.verification import LeftOut, faults, require_most, verify
from steadycode.sandbox import Judge, Limits, Sandbox, Verdict

BASE = Problem(
    task_id="t/1",
    prompt='def f(x):\n    """Double x."""\n',
    entry_point="f",
    canonical_solution="    return 2 * x\n",
    test="def check(candidate):\n    assert candidate(1) == 2\n",
)


def left_out(judge: Judge, **fields: str) -> LeftOut | None:
    return verify([dataclasses.replace(BASE, **fields)], judge).get("t/1")


def check(body: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{before}def check(candidate):\n{lines}"


def pair(solution: str, test: str) -> dict[str, str]:
    return {"canonical_solution": solution, "test": check(test)}


@pytest.mark.parametrize(
    "test",
    [
        "return candidate(1) == 2",
        "candidate(1) == 2",
        "print(candidate(1))",
        'assert (candidate(1) == 2, "msg")',
        "assert candidate(1) == 2 or True",
        "def inner():\n    assert candidate(1) == 2",
        "inner = lambda: candidate(1) == 2",
        "try:\n    assert candidate(1) == 2\nexcept Exception:\n    pass",
        "from contextlib import suppress\nwith suppress(Exception):\n    assert candidate(1) == 2",
        "yield\nassert candidate(1) == 2",
        "if candidate(1) != 2:\n    print('wrong')",
        "for _ in []:\n    assert candidate(1) == 2",
        "return\nassert candidate(1) == 2",
        "return abs(candidate(1) - 2) < 1e-6",
        "return candidate(1) + 1 == 3 and candidate(2) % 2 == 0",
        "assert (abs(candidate(1) - 2) < 1e-6, 'msg')",
        "print('%.1f' % float(candidate(1)))",
    ],
)
def test_a_test_that_accepts_anything_is_told(judge: Judge, test: str) -> None:
    row = left_out(judge, test=check(test))
    assert row is not None
    assert row.why == "can't be failed"


@pytest.mark.parametrize(
    ("solution", "test"),
    [
        ("    return [2 * x]\n", "return candidate(1)[0] == 2"),
        ("    return [2, x]\n", "sorted(candidate(1)) == [1, 2]"),
        ("    return [2, x]\n", "return len(candidate(1)) == 2"),
        ("    return str(x)\n", "return candidate(1).upper().strip() == '1'"),
        ("    return {'a': x}\n", "return candidate(1)['a'] == 1"),
        ("    return {'a': x}\n", "return [v for v in candidate(1)] == ['a']"),
    ],
)
def test_a_test_that_looks_into_the_answer_and_accepts_anything_is_told(
    judge: Judge, solution: str, test: str
) -> None:
    row = left_out(judge, **pair(solution, test))
    assert row is not None
    assert row.why == "can't be failed"


@pytest.mark.parametrize(
    ("solution", "test"),
    [
        ("    return 2 * x\n", "assert candidate(1) == 2"),
        ("    return 2 * x\n", "assert not candidate(0)"),
        ("    return 2 * x\n", "assert candidate(1)"),
        ("    return 2 * x\n", "assert isinstance(candidate(1), int)"),
        ("    return 2 * x\n", "assert abs(candidate(1) - 2) < 1e-6"),
        ("    return 2 * x\n", "if candidate(1) != 2:\n    raise ValueError('wrong')"),
        ("    return 2 * x\n", "assert candidate(1) is not None"),
        ("    return None\n", "assert candidate(1) is None"),
        ("    return None\n", "assert candidate(1) == None"),
        ("    x.append(1)\n", "xs = []\ncandidate(xs)\nassert xs == [1]"),
        ("    x.clear()\n", "xs = [1]\nassert candidate(xs) is None\nassert not xs"),
        ("    print(x)\n", "import io\nfrom contextlib import redirect_stdout\n"
         "out = io.StringIO()\nwith redirect_stdout(out):\n    candidate(1)\n"
         "assert out.getvalue() == '1\\n'"),
        ("    raise ValueError\n", "try:\n    candidate(1)\nexcept ValueError:\n    return\n"
         "assert False"),
        ("    return iter([x])\n", "for y in candidate(1):\n    assert y > 0"),
        ("    return [x]\n", "assert all(y > 0 for y in candidate(1))"),
        ("    return [x]\n", "assert any(y > 0 for y in candidate(1))"),
        ("    return [x]\n", "assert len(candidate(1)) > 0"),
        ("    return [x]\n", "assert len(candidate(1)) == 1"),
        ("    return [x, x]\n", "assert len(candidate(1)) == 2"),
        ("    return []\n", "assert list(candidate(1)) == []"),
        ("    return []\n", "assert len(candidate(1)) == 0"),
        ("    return [x]\n", "assert candidate(1)[0] == 1"),
        ("    return [x]\n", "assert len(candidate(1)) < 5"),
        ("    return [x]\n", "assert set(candidate(1)) <= {1, 2}"),
        ("    return str(x)\n", "assert int(candidate(1)) >= 0"),
        ("    return str(x)\n", "if candidate(1)[0] != '1':\n    raise ValueError('wrong')"),
        ("    return [x]\n", "assert sum(candidate(1)) == 1"),
        ("    return 'a'\n", "assert candidate(1).upper() == 'A'"),
        ("    return lambda y: x + y\n", "assert callable(candidate(1))"),
        ("    return lambda y: x + y\n", "assert candidate(1)(2) == 3"),
    ],
)  # fmt: skip
def test_a_test_that_refuses_something_is_kept(judge: Judge, solution: str, test: str) -> None:
    assert left_out(judge, **pair(solution, test)) is None


@pytest.mark.parametrize(
    ("solution", "cause"),
    [
        ("    import numpy as np\n    return np.int64(2)\n",
         "or its test imports numpy, and programs may import Python's standard library only"),
        ("    return 2 * int(input())\n", "reads standard input, which is empty here (EOFError"),
        ("    import sys\n    return int(sys.stdin.readline())\n", "reads standard input"),
        ("    while True:\n        pass\n", "is too slow (more than 0.5 s of CPU time); make it"),
        ("    return len(bytearray(2 << 30))\n", "needs too much memory (MemoryError)"),
        ("    open('a', 'wb').write(bytes(40 << 20))\n    return 2\n", "writes too large a file"),
        ("    return open('/etc/passwd').read()\n", "does what the sandbox refuses (Permission"),
        ("    class Same:\n        def __eq__(self, other):\n            return True\n"
         "    return Same()\n", "needs what the sandbox does not have"),
        ("    return 3 * x\n", "fails its own test (AssertionError); mend or drop the row"),
        ("    return y\n", "fails its own test (NameError: name 'y' is not defined)"),
    ],
)  # fmt: skip
def test_a_reference_that_fails_tells_why(solution: str, cause: str) -> None:
    with Sandbox(Limits(seconds=0.5)) as sandbox:
        row = left_out(sandbox.judge, canonical_solution=solution)
    assert row is not None
    assert row.why == "can't be passed here"
    assert row.detail.startswith(f"the reference solution {cause}")
    assert "\n" not in row.detail


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("import asyncio\nassert asyncio.run(candidate(1)) == 2", None),
        ("import asyncio\nasyncio.run(candidate(1)) == 2", "can't be failed"),
        ("candidate(1)", "can't be failed"),
    ],
)
def test_functions_that_are_awaited(judge: Judge, test: str, why: str | None) -> None:
    row = left_out(judge, prompt="async def f(x):\n", test=check(test))
    assert (row.why if row else None) == why


def test_all_of_humaneval_can_be_passed_and_failed(problems: list[Problem], judge: Judge) -> None:
    assert verify(problems, judge) == {}


@pytest.mark.slow
def test_of_mbpp_only_what_fails_its_own_test_is_left_out(judge: Judge) -> None:
    path = Path(os.environ.get("STEADYCODE_SHARED", "../shared")) / "data/recode/mbpp.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not there; set STEADYCODE_SHARED")
    rows = verify(load_problems(str(path), on_fault=lambda fault: None), judge)
    assert list(rows) == [f"MBPP/{n}" for n in (160, 341, 367, 596, 601, 607, 631, 642, 927)]
    assert {row.why for row in rows.values()} == {"can't be passed here"}


def test_most_problems_have_to_be_left() -> None:
    unpassable = LeftOut("can't be passed here", "the reference solution is wrong")
    careless = LeftOut("can't be failed", "the test accepts any program")
    require_most({"a": unpassable}, 2, {})
    require_most({"a": careless, "b": careless}, 3, {})
    with pytest.raises(DataError, match=r"2 of 3 problems can't be passed here.*2 times, first at"
                       r" x.jsonl:1: the reference solution is wrong"):  # fmt: skip
        require_most({"a": unpassable, "b": unpassable}, 3, {"a": "x.jsonl:1"})
    with pytest.raises(DataError, match="2 of 2 problems can't be failed"):
        require_most({"a": careless, "b": careless}, 2, {})
    with pytest.raises(DataError, match="so that nothing is measured"):
        require_most({"a": careless, "b": unpassable}, 2, {})


def test_no_more_is_run_once_most_have_failed(judge: Judge) -> None:
    problems = [dataclasses.replace(BASE, task_id=f"t/{n}", canonical_solution="    return 0\n")
                for n in range(40)]  # fmt: skip
    assert len(verify(problems, judge, give_up=3)) == 3


def test_many_faults_are_ten_lines_and_a_count() -> None:
    rows = {f"t/{n}": LeftOut("can't be failed", "why") for n in range(14)}
    lines = list(faults(rows, {"t/0": "x.jsonl:1"}))
    assert lines[0] == "x.jsonl:1: left out, why"
    assert lines[1] == "t/1: left out, why"
    assert len(lines) == 11
    assert lines[-1] == "and 4 more problems are left out"


@pytest.mark.parametrize(
    ("total", "label"),
    [
        (3, "1 problems; 1 of 3 can't be passed here, left out; 1 of 3 can't be failed, left out"),
        (9, "subset: 1 of 9 problems; 1 of 3 can't be passed here, left out;"
            " 1 of 3 can't be failed, left out"),
    ],
)  # fmt: skip
def test_figures_say_what_is_left_out(judge: Judge, total: int, label: str) -> None:
    rows = [
        BASE,
        dataclasses.replace(BASE, task_id="t/2", canonical_solution="    return 0\n"),
        dataclasses.replace(BASE, task_id="t/3", test=check("return candidate(1) == 2")),
    ]
    benchmark = build_benchmark(rows, (), judge=judge, total_problems=total)
    report = build_report(benchmark, [(Verdict(status="passed"),)] * 2)
    assert report.label == label
    figure = report.figures["recode/full/pass_at_1"]
    assert (figure.value, figure.n, figure.left_out) == (1.0, 1, 2)
