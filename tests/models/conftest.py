"""A project with the shipped recipes of base models, and its tiny one."""

import shutil
from pathlib import Path

import pytest

from steadycode.models import resolve
from steadycode.project import Project


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Project:
    (tmp_path / "configs").mkdir()
    shutil.copy(repository / "configs" / "base-models.yaml", tmp_path / "configs")
    return Project(tmp_path)


@pytest.fixture
def tiny(project: Project) -> Path:
    return resolve("tiny-random", project)
