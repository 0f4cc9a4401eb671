"""A project of its own for each test: a git repository with DVC and a recipe of local files."""

import shutil
from pathlib import Path

import pytest

from steadycode.corpus.recipe import Recipe, load_recipe
from steadycode.project import Project
from tests.builders.corpus import make_project
from tests.builders.refresh import Loop, make_recorded


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixty small files below ``src``, whose splits are all non-empty under 80/10/10."""
    return make_project(tmp_path / "project")


@pytest.fixture
def recipe(project: Project) -> Recipe:
    return load_recipe(project.configs / "corpus.yaml")


@pytest.fixture(scope="session")
def recorded_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose data is built, recorded and committed, on branch main: only ever copied."""
    return make_recorded(tmp_path_factory.mktemp("recorded") / "project").root


@pytest.fixture
def loop(recorded_root: Path, tmp_path: Path) -> Loop:
    shutil.copytree(recorded_root, tmp_path / "project")
    return Loop(Project(tmp_path / "project"))
