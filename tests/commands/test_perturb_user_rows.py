"""Benchmarks from a user's own rows, on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steadycode.commands.app import app
from steadycode.recode import read_benchmark

ROW = {
    "task_id": "mine/1",
    "prompt": 'def twice(x):\n    """Give twice x."""\n',
    "entry_point": "twice",
    "canonical_solution": "    y = x\n    return x + y\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}


@pytest.mark.parametrize("style", ["sound", "release"])
def test_wrong_rows_are_told_by_file_and_line(tmp_path: Path, style: str) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [
        ROW,
        {**ROW, "task_id": "mine/2", "canonical_solution": "   return (\n"},
        {**ROW, "task_id": "mine/3", "canonical_solution": "    y = x\n    return y\n"},
        *({**ROW, "task_id": f"mine/{n}"} for n in (4, 5)),
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    folder = tmp_path / "built"
    options = ["--problems", str(file), "--name", "new_lines", "--seeds", "1", "--style", style]
    result = CliRunner().invoke(app, ["perturb", "build", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert f"{file}:2: " in result.output
    fails = "the reference solution fails its own test (AssertionError); mend or drop the row"
    assert f"{file}:3: left out, {fails}\n" in result.output
    assert [p.task_id for p in read_benchmark(folder).nominal] == ["mine/1", "mine/4", "mine/5"]


def test_the_limits_are_the_users(tmp_path: Path) -> None:
    file, folder = tmp_path / "mine.jsonl", tmp_path / "built"
    large = "    y = bytearray(300 << 20)\n    return x + x\n"
    rows = [
        *({**ROW, "task_id": f"mine/{n}"} for n in range(3)),
        {**ROW, "task_id": "mine/9", "canonical_solution": large},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))

    def build(*options: str) -> str:
        arguments = ["perturb", "build", str(folder), "--problems", str(file), "--name=new_lines"]
        result = CliRunner().invoke(app, [*arguments, "--max-problems=4", "--force", *options])
        assert result.exit_code == 0, result.output
        return result.output

    assert "4 problems, " in build()
    assert "needs too much memory" in build("--memory-mb=200")
    limits = read_benchmark(folder).metadata["limits"]
    assert (limits["memory_mb"], limits["seconds"]) == (200, 3.0)


def test_a_subset_is_called_one(tmp_path: Path) -> None:
    file, folder = tmp_path / "mine.jsonl", tmp_path / "built"
    file.write_text("\n".join(json.dumps({**ROW, "task_id": f"mine/{n}"}) for n in range(5)))
    options = ["--problems", str(file), "--name=new_lines", "--seeds=1", "--max-problems=2"]
    result = CliRunner().invoke(app, ["perturb", "build", str(folder), *options])
    assert "subset: 2 of 5 problems" in result.output
    assert read_benchmark(folder).total_problems == 5
