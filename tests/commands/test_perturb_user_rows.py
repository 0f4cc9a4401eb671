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


@pytest.mark.parametrize(("style", "kept"), [("sound", 2), ("release", 3)])
def test_wrong_rows_are_told_by_file_and_line(tmp_path: Path, style: str, kept: int) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [
        ROW,
        {**ROW, "task_id": "mine/2", "canonical_solution": "   return (\n"},
        {**ROW, "task_id": "mine/3", "canonical_solution": "    y = x\n    return y\n"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    folder = tmp_path / "built"
    options = ["--problems", str(file), "--name", "new_lines", "--seeds", "1", "--style", style]
    result = CliRunner().invoke(app, ["perturb", "build", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert f"{file}:2: " in result.output
    fails = "the reference solution fails its own test (AssertionError); mend or drop the row"
    assert f"{file}:3: {fails}\n" in result.output
    assert len(read_benchmark(folder).nominal) == kept
