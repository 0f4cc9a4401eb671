import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_project import commit, git

from steadycode.corpus.build import build
from steadycode.corpus.fingerprint import folder_md5
from steadycode.corpus.recipe import Recipe
from steadycode.corpus.versions import (
    check_data,
    current_md5,
    ensure_data,
    fill_cache,
    pull,
    record,
    recorded_md5,
    status_clean,
)
from steadycode.errors import DataError
from steadycode.files import sha256_folder
from steadycode.project import Project


@pytest.fixture
def recorded(project: Project, recipe: Recipe) -> Project:
    """A project whose data is built, recorded and committed."""
    build(recipe, project)
    record(project)
    commit(project.root, "data")
    return project


def clone(project: Project, root: Path) -> Project:
    git(project.root, "clone", "--quiet", str(project.root), str(root))
    return Project(root)


def dvc(project: Project, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=project.root, check=True, capture_output=True,
    )  # fmt: skip


def test_md5_is_the_one_that_dvc_writes(project: Project) -> None:
    names = ["a/b.txt", "a.txt", "a-b/c", "é.jsonl", 'quote".txt', "A", "deep/er/still", "empty"]
    for name in names:
        path = project.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty" else name)
    (project.data / "no-files").mkdir()
    ours = folder_md5(project.data)
    assert record(project) == ours
    assert recorded_md5(project) == ours
    assert len(ours) == 36


def test_nothing_recorded(project: Project, recipe: Recipe) -> None:
    assert recorded_md5(project) is None
    with pytest.raises(DataError, match="steadycode data build"):
        current_md5(project)
    build(recipe, project)
    with pytest.raises(DataError, match=r"no recorded version.*--allow-dirty-data"):
        check_data(project)


def test_damaged_data_dvc_is_one_line(project: Project) -> None:
    for damage in ("outs: []", "outs: [", "", "7"):
        project.data_version.write_text(damage)
        with pytest.raises(DataError, match=r"data\.dvc is damaged; restore it with git$"):
            recorded_md5(project)


def test_clean_version_names_the_commit(recorded: Project) -> None:
    version = check_data(recorded)
    assert version.md5 == version.recorded_md5 == recorded_md5(recorded)
    assert not version.dirty
    assert version.git_commit == git(recorded.root, "rev-parse", "HEAD").strip()
    assert git(recorded.root, "status", "--porcelain") == ""


def test_modified_file_is_refused_by_name(recorded: Project) -> None:
    with (recorded.data / "train.jsonl").open("a") as out:
        out.write("{}\n")
    with pytest.raises(DataError) as error:
        check_data(recorded)
    assert str(error.value) == (
        "data/ differs from data.dvc in train.jsonl; run `steadycode data build` to restore it, "
        "or pass --allow-dirty-data to go on with it"
    )
    assert check_data(recorded, allow_dirty=True).dirty
    assert not status_clean(recorded)
    shutil.rmtree(recorded.root / ".dvc/cache")
    with pytest.raises(DataError, match=r"data/ has md5 \w+\.dir but data\.dvc records"):
        check_data(recorded)


def test_fresh_clone_builds_and_is_clean(recorded: Project, recipe: Recipe, tmp_path: Path) -> None:
    fresh = clone(recorded, tmp_path / "fresh")
    assert not fresh.data.exists()
    version = ensure_data(fresh, recipe)
    assert version.md5 == recorded_md5(recorded)
    assert not version.dirty
    assert status_clean(fresh)
    assert git(fresh.root, "status", "--porcelain") == ""
    (fresh.data / "train.jsonl").write_text("mine\n")
    with pytest.raises(DataError, match=r"differs from data\.dvc"):
        ensure_data(fresh, recipe)
    assert (fresh.data / "train.jsonl").read_text() == "mine\n"
    assert not fill_cache(fresh)


def test_first_data_of_a_project_is_built(project: Project, recipe: Recipe) -> None:
    version = ensure_data(project, recipe)
    assert version.recorded_md5 is None
    assert version.dirty
    assert not project.data_version.exists()


def test_recipe_that_gives_other_data_is_told(
    recorded: Project, recipe: Recipe, tmp_path: Path
) -> None:
    fresh = clone(recorded, tmp_path / "fresh")
    (fresh.root / "src/greet_0.py").write_text("def other(number):\n    return number * 2 + 1\n")
    with pytest.raises(DataError, match=r"recipe gives data \w+\.dir, data\.dvc records"):
        ensure_data(fresh, recipe)


def test_remote_is_pulled(recorded: Project, recipe: Recipe, tmp_path: Path) -> None:
    assert pull(recorded) is False
    remote = tmp_path / "remote"
    dvc(recorded, "remote", "add", "--default", "local", str(remote))
    dvc(recorded, "push")
    commit(recorded.root, "remote")
    fresh = clone(recorded, tmp_path / "fresh")
    shutil.rmtree(fresh.root / "src")  # so that it cannot have been built
    ensure_data(fresh, recipe)
    assert sha256_folder(fresh.data) == sha256_folder(recorded.data)
    assert status_clean(fresh)

    damaged = next(path for path in remote.rglob("*") if path.is_file() and ".dir" not in path.name)
    damaged.chmod(0o644)
    damaged.write_text("damaged")
    with pytest.raises(DataError):
        pull(clone(recorded, tmp_path / "second"))
    shutil.rmtree(remote)
    with pytest.raises(DataError, match=r"^dvc pull"):
        pull(clone(recorded, tmp_path / "third"))
