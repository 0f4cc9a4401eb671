"""The committed recipe gives the committed data, on a machine that has neither data nor cache."""

import shutil
from pathlib import Path

import pytest

from steadycode.config import DataConfig
from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.restore import ensure_data
from steadycode.corpus.validation import require_valid, validate
from steadycode.corpus.versions import recorded_md5, status_clean
from steadycode.project import Project
from tests.builders.corpus import REPOSITORY, commit, git

COMMITTED = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "data.dvc",
             "configs/corpus.yaml", "configs/corpus.lock.json")  # fmt: skip


@pytest.mark.slow
def test_recipe_reproduces_data_dvc(tmp_path: Path) -> None:
    """Needs the package index: downloads some 10 MB of wheels."""
    fresh = Project(tmp_path / "fresh")
    for name in COMMITTED:
        (fresh.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, fresh.root / name)
    git(fresh.root, "init", "--quiet")
    commit(fresh.root, "as committed")
    version = ensure_data(fresh, load_recipe(fresh.configs / "corpus.yaml"))
    assert version.md5 == recorded_md5(Project(REPOSITORY))
    assert not version.dirty
    assert status_clean(fresh)
    assert git(fresh.root, "status", "--porcelain") == ""
    require_valid(validate(fresh.data, DataConfig()))
