import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steadycode.corpus.build import build
from steadycode.corpus.fingerprint import folder_md5
from steadycode.corpus.recipe import Recipe
from steadycode.corpus.restore import ensure_data, force_data
from steadycode.corpus.versions import (
    check_data,
    current_md5,
    fill_cache,
    pull,
    record,
    recorded_md5,
    status_clean,
)
from steadycode.errors import DataError
from steadycode.files import sha256_folder
from steadycode.project import Project
from tests.builders.corpus import commit, git


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


def change(project: Project) -> None:
    """Give the recipe's source other content."""
    (project.root / "src/greet_0.py").write_text("def other(number):\n    return number * 2 + 1\n")


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
    with pytest.raises(DataError, match=r"no recorded version.*`dvc add data`.*--allow-dirty-data"):
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
    assert not fill_cache(fresh)


class TestDataOfAnotherVersion:
    """As after a ``git pull`` that brings a new ``data.dvc``."""

    @pytest.fixture
    def pulled(self, recorded: Project, recipe: Recipe) -> Project:
        """data/ and the cache hold the first version only; ``data.dvc`` and ``src`` the second."""
        first = sha256_folder(recorded.root / ".dvc/cache")
        change(recorded)
        force_data(recorded, recipe)
        record(recorded)
        second = recorded.data_version.read_text()
        git(recorded.root, "checkout", "--quiet", "data.dvc")
        dvc(recorded, "checkout", "--force", "data.dvc")
        for name in sha256_folder(recorded.root / ".dvc/cache").keys() - first.keys():
            (recorded.root / ".dvc/cache" / name).unlink()
        recorded.data_version.write_text(second)
        return recorded

    def test_it_is_built(self, pulled: Project, recipe: Recipe) -> None:
        before = current_md5(pulled)
        version = ensure_data(pulled, recipe)
        assert version.md5 == recorded_md5(pulled) != before
        assert not version.dirty
        assert status_clean(pulled)

    def test_it_comes_from_the_cache(self, recorded: Project, recipe: Recipe) -> None:
        first = recorded.data_version.read_text()
        change(recorded)
        force_data(recorded, recipe)
        record(recorded)
        recorded.data_version.write_text(first)
        shutil.rmtree(recorded.root / "src")  # so that it cannot have been built
        assert ensure_data(recorded, recipe).md5 == recorded_md5(recorded)
        assert status_clean(recorded)

    def test_it_is_pulled(self, pulled: Project, recipe: Recipe, tmp_path: Path) -> None:
        remote = tmp_path / "remote"
        dvc(pulled, "remote", "add", "--default", "local", str(remote))
        before = sha256_folder(pulled.data)
        (pulled.root / "src").rename(pulled.root / "gone")  # so that it cannot be built
        told: list[str] = []
        with pytest.raises(DataError, match="no folder"):  # nothing was pushed
            ensure_data(pulled, recipe, tell=told.append)
        assert "remote does not hold data" in told[0]
        assert sha256_folder(pulled.data) == before
        (pulled.root / "gone").rename(pulled.root / "src")

        builder = clone(pulled, tmp_path / "builder")
        shutil.copy(pulled.data_version, builder.data_version)
        shutil.copy(pulled.root / ".dvc/config", builder.root / ".dvc/config")
        shutil.copytree(pulled.root / "src", builder.root / "src", dirs_exist_ok=True)
        build(recipe, builder)
        assert fill_cache(builder)
        dvc(builder, "push")
        shutil.rmtree(pulled.root / "src")  # so that it cannot have been built
        assert ensure_data(pulled, recipe).md5 == recorded_md5(pulled)
        assert status_clean(pulled)

    @pytest.mark.parametrize("loss", ["changed", "uncached", "damaged"])
    def test_what_would_be_lost_is_kept(self, pulled: Project, recipe: Recipe, loss: str) -> None:
        cached = max(
            (pulled.root / ".dvc/cache").rglob("*"), key=lambda path: path.stat().st_size
        )  # train.jsonl
        if loss == "changed":
            (pulled.data / "train.jsonl").unlink()
            (pulled.data / "train.jsonl").write_text("mine\n")
        elif loss == "uncached":
            cached.unlink()
        else:
            cached.unlink()
            cached.write_text("damaged")
        before = sha256_folder(pulled.data)
        with pytest.raises(DataError) as error:
            ensure_data(pulled, recipe)
        assert sha256_folder(pulled.data) == before
        assert str(error.value) == (
            f"data/ has md5 {current_md5(pulled)} but data.dvc records {recorded_md5(pulled)}, and "
            "DVC's cache does not hold data/ as it is now; move it away to keep it, or drop it "
            "with `steadycode data build --force`, which builds from the recipe"
        )
        assert force_data(pulled, recipe).md5 == recorded_md5(pulled)

    def test_a_changed_file_is_named(self, recorded: Project, recipe: Recipe) -> None:
        with (recorded.data / "train.jsonl").open("a") as out:
            out.write("{}\n")
        with pytest.raises(DataError, match=r"differs from data\.dvc in train\.jsonl, .*--force"):
            ensure_data(recorded, recipe)

    def test_a_shared_cache_is_found(
        self, recorded: Project, recipe: Recipe, tmp_path: Path
    ) -> None:
        (recorded.root / ".dvc/cache").rename(tmp_path / "cache")
        dvc(recorded, "cache", "dir", str(tmp_path / "cache"))
        first = recorded.data_version.read_text()
        change(recorded)
        force_data(recorded, recipe)
        record(recorded)
        recorded.data_version.write_text(first)
        assert ensure_data(recorded, recipe).md5 == recorded_md5(recorded)


def test_force_builds_what_the_recipe_gives(recorded: Project, recipe: Recipe) -> None:
    change(recorded)
    version = force_data(recorded, recipe)
    assert version.dirty
    assert version.md5 == current_md5(recorded) != version.recorded_md5


def test_first_data_of_a_project_is_built(project: Project, recipe: Recipe) -> None:
    version = ensure_data(project, recipe)
    assert version.recorded_md5 is None
    assert version.dirty
    assert not project.data_version.exists()


def test_recipe_that_gives_other_data_is_told(
    recorded: Project, recipe: Recipe, tmp_path: Path
) -> None:
    fresh = clone(recorded, tmp_path / "fresh")
    change(fresh)
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
    second = clone(recorded, tmp_path / "second")
    with pytest.raises(DataError, match=r"remote does not hold data \w+\.dir undamaged"):
        pull(second)
    assert not second.data.exists()
    shutil.rmtree(remote)
    with pytest.raises(DataError, match="remote does not hold data"):
        pull(clone(recorded, tmp_path / "third"))
