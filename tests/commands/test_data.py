"""``steadycode data`` on the terminal."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from steadycode.corpus.versions import current_md5, record
from steadycode.files import sha256_text
from steadycode.project import Project
from tests.builders.terminal import cells

RECIPE = """\
split: {train: 80, valid: 10, test: 10}
folders: [{name: ours, path: src, licence: MIT}]
"""


def write_source(project: Project, number: int) -> None:
    lines = "".join(f"    total = {number} + index\n" for _ in range(5))
    text = f"def add(index):\n{lines}    return total\n"
    (project.root / "src" / "add.py").write_text(text)


@pytest.fixture
def project(project: Project, repository: Path) -> Project:
    for folder in ("src", ".dvc"):
        (project.root / folder).mkdir()
    (project.configs / "corpus.yaml").write_text(RECIPE)
    (project.root / ".gitignore").write_text("/data\n")
    shutil.copy(repository / ".dvc" / "config", project.root / ".dvc")
    subprocess.run(["git", "init", "--quiet"], cwd=project.root, check=True)
    write_source(project, 1)
    return project


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def test_data_is_built_as_recorded(steadycode: Callable[..., Result], project: Project) -> None:
    def build(*options: str) -> Result:
        return steadycode("data", "build", *options)

    result = build()
    first = current_md5(project)
    assert said(result) == f"data/ is version {first}: not recorded, `dvc add data` does that"
    record(project)
    recorded = project.data_version.read_text()
    assert said(build()) == f"data/ is version {first}: as data.dvc records"

    write_source(project, 2)
    result = build("--force")
    second = current_md5(project)
    assert second != first
    assert said(result) == f"data/ is version {second}: not recorded, `dvc add data` does that"
    refused = build()
    assert refused.exit_code == 2
    assert re.search(r"differs from data\.dvc in .*--force", refused.output)
    assert "--allow-dirty-data" not in refused.output
    assert current_md5(project) == second

    record(project)
    project.data_version.write_text(recorded)
    assert said(build()) == f"data/ is version {first}: as data.dvc records"
    assert current_md5(project) == first


def test_data_is_validated(
    steadycode: Callable[..., Result], project: Project, tmp_path: Path
) -> None:
    assert steadycode("data", "build").exit_code == 0
    page = tmp_path / "page.html"
    bounds = ("--profile", "smoke", "--set", "data.min_rows=1")
    result = steadycode("data", "validate", *bounds, "--page", page)
    assert result.exit_code == 2  # a split is empty
    _, *rows = cells(result.stdout)
    outcomes = {name: (outcome, finding) for name, outcome, finding in rows}
    assert outcomes.pop("splits") == ("critical", "no rows in valid, test")
    assert {outcome for outcome, _ in outcomes.values()} == {"ok"}
    assert f"wrote {page}" in " ".join(result.stdout.split())
    assert "not fit to train on" in page.read_text()
    assert "1 files: 1 taken, 0 left out" in page.read_text()
    assert result.stderr.startswith("error: the data is not fit to train on: splits (")
    assert result.stderr.count("\n") == 1

    row = (project.data / "train.jsonl").read_text()
    for number, split in enumerate(("valid", "test")):
        content = json.loads(row)["content"] + f"\n\nNUMBER = {number}\n"
        changed = {"content": content, "sha256": sha256_text(content), "path": f"{split}.py"}
        (project.data / f"{split}.jsonl").write_text(json.dumps(json.loads(row) | changed) + "\n")
    result = steadycode("data", "validate", *bounds)
    assert (result.exit_code, result.stderr) == (0, "")
    last = result.stdout.splitlines()[-1]
    assert last == f"data fit to train on: 3 rows, {len(rows)} of {len(rows)} checks passed"


def test_a_file_that_is_no_page_is_not_replaced(
    steadycode: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "thesis.html").write_text("all of it")
    result = steadycode("data", "validate", "--page", tmp_path / "thesis.html")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {tmp_path / 'thesis.html'} is there and is no such page; name another file\n",
    )
    assert (tmp_path / "thesis.html").read_text() == "all of it"
