import json
import warnings
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import load_problems, locate

ROW = {
    "task_id": "a/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
}


def _row(**fields: str) -> str:
    return json.dumps({**ROW, **fields})


def test_humaneval_comes_with_its_package() -> None:
    problems = load_problems("humaneval")
    assert len(problems) == 164
    assert problems[0].entry_point == "has_close_elements"


def test_mbpp_in_the_release_form_is_read(shared: Path) -> None:
    path = shared / "data" / "recode" / "mbpp.jsonl"
    faults: list[str] = []
    problems = load_problems(str(path), faults.append)
    assert len(load_problems(str(path), check_programs=False)) == 974
    assert len(problems) == 972
    assert [fault.removeprefix(f"{path}:")[:60] for fault in faults] == [
        "64: prompt and canonical_solution together are not valid Pyt",
        "966: prompt and canonical_solution together are not valid Py",
    ]
    assert "expected an indented block" in faults[0]  # its docstring is not indented
    assert "unexpected indent" in faults[1]  # its docstring has fewer blanks than its body
    assert locate(str(path))["MBPP/65"] == f"{path}:65"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["{"], ":1: not JSON"),
        (["[]"], ":1: not an object"),
        (["[" * 100_000], ":1: not JSON"),
        ([json.dumps(ROW), json.dumps({**ROW, "test": None})], ":2: field 'test' is NoneType"),
        ([json.dumps(ROW), json.dumps(ROW)], ":2: task_id 'a/0' occurs twice, first at "),
        ([json.dumps({**ROW, "task_id": True})], ":1: field 'task_id' is bool, not a string"),
        ([json.dumps({**ROW, "task_id": 7}), _row(task_id="7")], ":2: task_id '7' occurs twice"),
        ([json.dumps({**ROW, "test_setup": 7})], ":1: field 'test_setup' is int; give it as text"),
        ([json.dumps({**ROW, "task_id": ""})], ":1: field 'task_id' is empty"),
        ([json.dumps({k: v for k, v in ROW.items() if k != "test"})], "'test' is missing; a row"),
        ([""], "holds no problem"),
        ([_row(prompt="def f(x)\n")], ":1: prompt and canonical_solution together are not valid"),
        ([_row(prompt="def f(x):\r")], r"lines of the program end in \r alone"),
        ([_row(prompt="\0")], "not valid Python"),
        ([_row(canonical_solution="    return " + "(" * 300)], "not valid Python (too many nested"),
        ([_row(prompt="\ud800")], "field 'prompt' holds half a character"),
        ([_row(entry_point="g")], "define no function 'g' at their top level (functions there: f)"),
        ([_row(test="assert (")], ":1: the test is not valid Python"),
        ([_row(test="assert f(1) == 1")], "the test defines no function check(candidate)"),
        ([_row(test="async def check(candidate):\n    candidate(1)")], "defines no function check"),
        ([_row(test="def check():\n    f(1)")], "check takes no argument"),
        ([_row(test="def check(candidate):\n    assert 1")], "calls neither candidate nor f"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, lines: list[str], named: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as fault:
        load_problems(str(path))
    assert named in str(fault.value)


def test_wrong_rows_are_told_and_the_others_load(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    rows = [_row(), "{", _row(task_id="b", entry_point="g"), _row(), _row(task_id="c", test="")]
    lines = [row.encode() for row in rows]
    path.write_bytes(b"\n".join([*lines, b"\xff", b"", _row(task_id="d").encode()]))
    faults: list[str] = []
    assert [p.task_id for p in load_problems(str(path), faults.append)] == ["a/0", "d"]
    lines_told = [fault.removeprefix(f"{path}:").partition(":")[0] for fault in faults]
    assert lines_told == ["2", "3", "4", "5", "6"]
    assert locate(str(path)) == {
        task: f"{path}:{line}" for task, line in (("a/0", 1), ("b", 3), ("c", 5), ("d", 8))
    }
    path.write_text("{\n[]\n")
    with pytest.raises(DataError, match="all its 2 rows are wrong"):
        load_problems(str(path), faults.append)


def test_rows_that_people_write(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    rows = [
        _row(test="def check(f):\n    assert list(map(f, [1])) == [1]"),
        _row(task_id="named", test="def check(candidate):\n    assert f(1) == 1"),
        _row(task_id="async", prompt="async def f(x):\n"),
        _row(task_id="escape", canonical_solution="    return '\\d' and x\n"),
    ]
    path.write_text("\ufeff" + "\r\n".join(rows), encoding="utf-8", newline="")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_problems(str(path))) == 4
