"""Where a file of problems is looked for, and what is said of a damaged one."""

import gzip
import json
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.problems import load_problems, locate, problem_file

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


def test_a_folder_without_rows_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(DataError, match=r"holds no .*\.jsonl.* file; name another folder$"):
        load_problems(str(tmp_path))


def rows(*names: str) -> str:
    return "\n".join(json.dumps({**ROW, "task_id": name}) for name in names)


def test_an_array_of_rows_is_read_element_by_element(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    elements = [{**ROW, "task_id": "a/0"}, {**ROW, "task_id": "a/1"}, 7, {"task_id": "é"}]
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(elements, indent=1, ensure_ascii=False).encode())
    faults: list[str] = []
    assert [p.task_id for p in load_problems(str(path), faults.append)] == ["a/0", "a/1"]
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    assert [fault.split(": ")[0] for fault in faults] == [
        f"{path}:{lines.index(' 7,') + 1}",
        f"{path}:{lines.index(' 7,') + 2}",
    ]
    packed = tmp_path / "mine.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(elements[:2]).encode()))
    assert len(load_problems(str(packed))) == 2
    assert locate(str(packed)) == {"a/0": f"{packed}:1", "a/1": f"{packed}:1"}
    for broken in ("[" + json.dumps(ROW), "[" + json.dumps(ROW) + "]]", "[" + json.dumps(ROW) * 2):
        path.write_text(broken)
        with pytest.raises(DataError, match=r":1: not JSON"):
            load_problems(str(path))


def test_the_splits_of_a_folder_are_named_and_not_merged(tmp_path: Path) -> None:
    for number, name in enumerate(
        ["train-00000-of-00002", "train-00001-of-00002", "mine_test", "validation"]
    ):
        (tmp_path / f"{name}.jsonl").write_text(rows(f"a/{number}"))
    with pytest.raises(
        DataError, match="holds the splits test, train, validation; name one"
    ) as told:
        load_problems(str(tmp_path))
    assert str(told.value).endswith(f"{tmp_path}/test")

    def ids(split: str) -> list[str]:
        return [problem.task_id for problem in load_problems(f"{tmp_path}/{split}")]

    assert ids("test") == ["a/2"]
    assert ids("train") == ["a/0", "a/1"]
    assert ids("test+validation") == ["a/2", "a/3"]
    assert str(problem_file(f"{tmp_path}/test")) == f"{tmp_path}/test"
    with pytest.raises(DataError, match="no problem file"):
        load_problems(f"{tmp_path}/test+other")
    assert set(locate(f"{tmp_path}/train")) == {"a/0", "a/1"}


def test_a_folder_of_ones_own_files_is_one_source(tmp_path: Path) -> None:
    for name in ("strings", "numbers"):
        (tmp_path / f"{name}.jsonl").write_text(rows(name))
    assert {problem.task_id for problem in load_problems(str(tmp_path))} == {"strings", "numbers"}


def test_a_file_of_another_kind_is_ten_lines_and_a_count(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps({"content": n}) for n in range(500)))
    faults: list[str] = []
    with pytest.raises(DataError, match="all its 500 rows are wrong"):
        load_problems(str(path), faults.append)
    assert len(faults) == 11
    assert faults[-1] == f"{path}: 490 more of 500 rows are wrong"
