"""The original MBPP's rows, written by hand, become problems whose solutions pass."""

import doctest
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems, problem_file
from steadycode.sandbox import Program, Sandbox

PLAIN = {
    "task_id": 2,
    "text": "Write a function to add up two numbers.",
    "code": "import math\r\ndef helper(a):\r\n  return math.floor(a)\r\n\r\n"
    "def add_up(a, b):\r\n  # the sum\r\n  return helper(a) + b",
    "test_list": ["assert add_up(1, 2) == 3", "assert add_up(helper(1), 2)==3"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
SANITIZED = {
    "task_id": 7,
    "source_file": "Benchmark Questions Verification V2.ipynb",
    "prompt": "Split a string at its \\n signs.",
    "code": "def split_up(text): return text.split('\\n')",
    "test_list": ['assert split_up("a\\nb") == ["a", "b"]', 'assert not split_up("") == []'],
    "test_imports": ["import math"],
}
SETUP = {
    "task_id": 9,
    "text": "Measure a tree. Say \"\"\" or '''.",
    "code": "class Node:\n\tdef __init__(self, left=None):\n\t\tself.left = left\n\n"
    "def depth(node: dict[str, int] = {'a': 1}) -> int:  # levels\n"
    "\treturn 1 + depth(node.left) if node else 0\n\nLAST = 1\n",
    "test_list": ["assert depth(root) == 2", "assert '''a\nb''' and depth(None) == 0"],
    "test_setup_code": "root = Node(Node())",
    "challenge_test_list": ["assert depth(Node()) == 7"],
}
ROWS: list[dict[str, Any]] = [PLAIN, SANITIZED, SETUP]


@pytest.fixture
def mbpp(tmp_path: Path) -> list[Problem]:
    return load_problems(str(_written(tmp_path / "mbpp.jsonl", ROWS)))


def _written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_signature_docstring_and_check(mbpp: list[Problem]) -> None:
    plain = mbpp[0]
    assert (plain.task_id, plain.entry_point) == ("MBPP/2", "add_up")
    assert plain.prompt == (
        "import math\ndef helper(a):\n  return math.floor(a)\n\ndef add_up(a, b):\n"
        '  """\n  Write a function to add up two numbers.\n'
        '  >>> add_up(1, 2)\n  3\n  >>> add_up(helper(1), 2)\n  3\n  """\n'
    )
    assert plain.canonical_solution == "  # the sum\n  return helper(a) + b\n"
    assert plain.test == (
        "def check(candidate):\n"
        "    assert candidate(1, 2) == 3\n    assert candidate(helper(1), 2) == 3\n"
    )


def test_one_line_bodies_escapes_and_imports(mbpp: list[Problem]) -> None:
    row = mbpp[1]
    assert row.prompt == (
        'def split_up(text):\n    r"""\n    Split a string at its \\n signs.\n'
        "    >>> split_up('a\\nb')\n    ['a', 'b']\n    \"\"\"\n"
    )
    assert row.canonical_solution == "    return text.split('\\n')\n"
    assert row.test.startswith("import math\n\n\ndef check(candidate):\n")
    assert "    assert not candidate('') == []\n" in row.test


def test_setup_is_kept_and_the_challenge_is_left_out(mbpp: list[Problem]) -> None:
    row = mbpp[2]
    assert row.entry_point == "depth"
    assert "-> int:  # levels\n\t" in row.prompt
    assert row.canonical_solution.endswith("else 0\n\nLAST = 1\n")
    assert row.test.startswith("root = Node(Node())\n\n\ndef check(candidate):\n")
    assert "7" not in row.test


def test_solutions_pass_and_examples_are_true(mbpp: list[Problem]) -> None:
    programs = [Program(p.prompt + p.canonical_solution, p.test, p.entry_point) for p in mbpp]
    with Sandbox(workers=1) as sandbox:
        assert [verdict.status for verdict in sandbox.run_all(programs)] == ["passed"] * 3
    for row, examples in zip(mbpp[:2], (2, 1), strict=True):
        names: dict[str, Any] = {}
        exec(row.prompt + row.canonical_solution, names)
        found = doctest.DocTestParser().get_doctest(
            names[row.entry_point].__doc__, names, row.task_id, None, None
        )
        assert doctest.DocTestRunner().run(found) == (0, examples)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"task_id": None}, "field 'task_id' is NoneType"),
        ({"text": None}, "field 'prompt' is missing"),
        ({"code": 3}, "field 'code' is int"),
        ({"code": "def f(:"}, "code is not valid Python"),
        ({"test_list": []}, "'test_list' is empty"),
        ({"test_list": "assert 1"}, "'test_list' is not a list of strings"),
        ({"test_list": ["assert ("]}, "test_list[0] is not valid Python"),
        ({"test_list": ["assert add(1) == 2"]}, "functions there: helper, add_up"),
        ({"test_list": ["assert add_up(1, 2) == 1" + " + 1" * 500]}, "nested too deeply"),
        ({"test_setup_code": "("}, "the test is not valid Python"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, fields: dict[str, Any], named: str) -> None:
    path = _written(tmp_path / "mbpp.jsonl", [SETUP, {**PLAIN, **fields}])
    faults: list[str] = []
    assert [p.task_id for p in load_problems(str(path), faults.append)] == ["MBPP/9"]
    assert faults[0].startswith(f"{path}:2: ")
    assert named in faults[0]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stub of the download: its calls. The data set holds two folders, one of two files."""
    asked: list[str] = []
    remote = tmp_path / "snapshot"
    for folder, name, rows in (
        ("full", "test-0", [PLAIN]),
        ("full", "train-0", [SETUP]),
        ("sanitized", "test-0", [SANITIZED]),
    ):
        (remote / folder).mkdir(parents=True, exist_ok=True)
        blob = tmp_path / f"{folder}-{name}"
        pd.DataFrame(rows).to_parquet(blob)
        (remote / folder / f"{name}.parquet").symlink_to(blob)  # as the hub's cache has them

    def download(name: str, **options: Any) -> str:
        assert options["repo_type"] == "dataset"
        if options.get("local_files_only") or name != "google-research-datasets/mbpp":
            raise OSError("not\nfound")
        asked.append(name)
        return str(remote)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


def test_a_data_set_of_the_hub(hub: list[str], mbpp: list[Problem], tmp_path: Path) -> None:
    name = "google-research-datasets/mbpp"
    with pytest.raises(DataError, match=r"full holds the splits test, train; name one, or several"):
        load_problems(name)
    assert load_problems(f"{name}/full/test+train") == [mbpp[0], mbpp[2]]
    assert load_problems(f"{name}/full/train") == [mbpp[2]]
    assert load_problems(f"{name}/test") == [mbpp[0]]
    assert load_problems(f"{name}/sanitized") == [mbpp[1]]
    assert problem_file(name) == tmp_path / "snapshot" / "full"
    file = tmp_path / "snapshot" / "sanitized" / "test-0.parquet"
    assert load_problems(str(problem_file(str(file)))) == [mbpp[1]]
    with pytest.raises(DataError, match=r"holds no .* file in other/"):
        problem_file(f"{name}/other")
    assert hub == [name] * 7


def test_the_hub_is_asked_only_when_named(hub: list[str], tmp_path: Path) -> None:
    for source in ("sets/mine.jsonl", "sets/mine.json", "./sets/mine", "mine", "", "humanevl"):
        with pytest.raises(DataError, match="no problem file"):
            problem_file(source)
    with pytest.raises(DataError, match=r"no file no/such, .* can be downloaded: not found"):
        problem_file("no/such")
    damaged = tmp_path / "x.parquet"
    damaged.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"x\.parquet cannot be read"):
        load_problems(str(damaged))
    assert hub == []
