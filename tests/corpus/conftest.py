"""A project of its own for each test: a git repository with DVC and a recipe of local files."""

from pathlib import Path

import pytest
import yaml
from corpus_project import REPOSITORY, commit, function, git

from steadycode.corpus.recipe import Recipe, load_recipe
from steadycode.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixty small files below ``src``, whose splits are all non-empty under 80/10/10."""
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    for number in range(60):
        (root / "src" / f"greet_{number}.py").write_text(function(number))
    (root / "src" / "LICENSE").write_text("You may.\n")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text((REPOSITORY / ".dvc/config").read_text())
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text("/data\n/.data.*\n/.steadycode/\n")
    recipe = {
        "split": {"train": 80, "valid": 10, "test": 10},
        "folders": [{"name": "ours", "path": "src", "licence": "MIT"}],
    }
    (root / "configs").mkdir()
    (root / "configs/corpus.yaml").write_text(yaml.safe_dump(recipe))
    git(root, "init", "--quiet")
    commit(root, "start")
    return Project(root)


@pytest.fixture
def recipe(project: Project) -> Recipe:
    return load_recipe(project.configs / "corpus.yaml")
