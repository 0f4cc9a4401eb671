import json
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import load_problems, select_problems

ROW = {"task_id": "a/0", "prompt": "p", "entry_point": "f", "canonical_solution": "s", "test": "t"}


def test_humaneval_comes_with_its_package() -> None:
    problems = load_problems("humaneval")
    assert len(problems) == 164
    assert problems[0].entry_point == "has_close_elements"


def test_mbpp_in_the_release_form_is_read(shared: Path) -> None:
    assert len(load_problems(str(shared / "data" / "recode" / "mbpp.jsonl"))) == 974


def test_subsets_are_stable_nested_and_ordered() -> None:
    problems = load_problems("humaneval")
    ten, forty = (select_problems(problems, count, seed=0) for count in (10, 40))
    assert {p.task_id for p in ten} < {p.task_id for p in forty}
    assert forty == [p for p in problems if p in forty]
    assert select_problems(problems, 10, seed=1) != ten
    assert select_problems(problems, None, seed=0) == problems
    assert select_problems(problems, 1000, seed=0) == problems


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["{"], ":1: not JSON"),
        (["[]"], ":1: expected an object"),
        ([json.dumps(ROW), json.dumps({**ROW, "test": None})], ":2: field 'test'"),
        ([json.dumps(ROW), json.dumps(ROW)], "'a/0' occurs twice"),
        ([""], "holds no problem"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, lines: list[str], named: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as fault:
        load_problems(str(path))
    assert named in str(fault.value)


def test_a_missing_file_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name 'humaneval'"):
        load_problems(str(tmp_path / "none.jsonl"))
