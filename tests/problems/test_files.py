"""Where a file of problems is looked for, and what is said of a damaged one."""

import gzip
import json
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import load_problems, problem_file

ROW = {
    "task_id": "a/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
}


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
