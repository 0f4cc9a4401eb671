import gzip
import json
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import load_problems, problem_file, select_problems

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


def _packed() -> bytes:
    return gzip.compress(json.dumps(ROW).encode(), mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("mine.jsonl", json.dumps(ROW).encode() + b"\n\xff\xfe\n", ":2: not UTF-8 text"),
        ("mine.jsonl.gz", gzip.compress(b"\xff", mtime=0), ":1: not UTF-8 text"),
        ("mine.jsonl.gz", b"{}", "cannot be read: Not a gzipped file"),
        ("mine.jsonl.gz", _packed()[:-9], "cannot be read: Compressed file ended"),
        ("mine.jsonl.gz", _packed()[:10] + b"\xff" * 9, "cannot be read: Error -3"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str, content: bytes, named: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as fault:
        load_problems(str(path))
    assert str(fault.value).startswith(str(path))
    assert named in str(fault.value)
    assert "\n" not in str(fault.value)


def test_relative_paths_start_here_or_at_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, root = tmp_path / "here", tmp_path / "root"
    for folder in (here, root):
        (folder / "sets").mkdir(parents=True)
        (folder / "sets" / "both.jsonl").write_text(json.dumps(ROW))
    (root / "sets" / "one.jsonl").write_text(json.dumps(ROW))
    (root / "configs").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("STEADYCODE_HOME", str(root))
    assert problem_file("sets/both.jsonl") == here / "sets" / "both.jsonl"
    assert problem_file("sets/one.jsonl") == root / "sets" / "one.jsonl"
    assert len(load_problems("sets/one.jsonl")) == 1
    assert problem_file("humaneval").is_absolute()
    with pytest.raises(DataError, match=r"no problem file sets/none\.jsonl"):
        problem_file("sets/none.jsonl")
    monkeypatch.delenv("STEADYCODE_HOME")
    with pytest.raises(DataError, match=r"no problem file sets/one\.jsonl"):
        problem_file("sets/one.jsonl")
