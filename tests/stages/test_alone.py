"""``steadycode data build`` on the terminal."""

import shutil
import subprocess
from pathlib import Path

import pytest

from steadycode.corpus.versions import current_md5, record
from steadycode.errors import DataError
from steadycode.project import Project
from steadycode.retraining.alone import build_data

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


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_data_build(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    build_data(project, force=False)
    first = current_md5(project)
    assert said(capsys) == f"data/ is version {first}: not recorded, `dvc add data` does that"
    record(project)
    recorded = project.data_version.read_text()
    build_data(project, force=False)
    assert said(capsys) == f"data/ is version {first}: as data.dvc records"

    write_source(project, 2)
    build_data(project, force=True)
    second = current_md5(project)
    assert second != first
    assert said(capsys) == f"data/ is version {second}: not recorded, `dvc add data` does that"
    with pytest.raises(DataError, match=r"differs from data\.dvc in .*--force") as error:
        build_data(project, force=False)
    assert "--allow-dirty-data" not in str(error.value)
    assert current_md5(project) == second

    record(project)
    project.data_version.write_text(recorded)
    capsys.readouterr()
    build_data(project, force=False)
    assert said(capsys) == f"data/ is version {first}: as data.dvc records"
    assert current_md5(project) == first
