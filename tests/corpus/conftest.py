"""A project of its own for each test: a git repository with DVC and a recipe of local files."""

from pathlib import Path

import pytest

from steadycode.corpus.recipe import Recipe, load_recipe
from steadycode.project import Project
from tests.builders.corpus import make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixty small files below ``src``, whose splits are all non-empty under 80/10/10."""
    return make_project(tmp_path / "project")


@pytest.fixture
def recipe(project: Project) -> Recipe:
    return load_recipe(project.configs / "corpus.yaml")
