"""``steadycode data build`` on the terminal."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from steadycode.commands.app import app
from steadycode.corpus.versions import current_md5, record
from steadycode.project import Project

RECIPE = """\
split: {train: 80, valid: 10, test: 10}
folders: [{name: ours, path: src, licence: MIT}]
"""


def write_source(project: Project, number: int) -> None:
    lines = "".join(f"    total = {number} + index\n" for _ in range(5))
    text = f"def add(index):\n{lines}    return total\n"
    (project.root / "src" / "add.py").write_text(text)


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Project:
    for folder in ("src", "configs", ".dvc"):
        (tmp_path / folder).mkdir()
    (tmp_path / "configs" / "corpus.yaml").write_text(RECIPE)
    (tmp_path / ".gitignore").write_text("/data\n")
    shutil.copy(repository / ".dvc" / "config", tmp_path / ".dvc")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    project = Project(tmp_path)
    write_source(project, 1)
    return project


@pytest.fixture
def build(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("STEADYCODE_HOME", str(project.root))
    return lambda *options: CliRunner().invoke(app, ["data", "build", *options])


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def test_data_build(project: Project, build: Callable[..., Result]) -> None:
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
