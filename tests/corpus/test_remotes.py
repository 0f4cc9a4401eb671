"""Two clones that share their data by a DVC remote, which may be missing or damaged."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steadycode.corpus.recipe import Recipe, load_recipe
from steadycode.corpus.restore import ensure_data
from steadycode.corpus.versions import current_md5, record, recorded_md5, status_clean
from steadycode.errors import DataError
from steadycode.files import sha256_folder
from steadycode.project import Project
from tests.builders.corpus import commit, git
from tests.builders.refresh import Loop, grow


def dvc(project: Project, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=project.root, check=True, capture_output=True,
    )  # fmt: skip


def add_remote(project: Project, remote: Path) -> None:
    dvc(project, "remote", "add", "--default", "store", str(remote))
    commit(project.root, "remote")


def clone(project: Project, root: Path) -> Project:
    git(project.root, "clone", "--quiet", str(project.root), str(root))
    return Project(root)


def objects(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def spoil(path: Path) -> bytes:
    """Give an object other bytes; returns those that it had."""
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(before[:-9] + b"damaged!\n")
    return before


def test_what_is_refreshed_here_is_pulled_there(loop: Loop, tmp_path: Path) -> None:
    project, remote = loop.project, tmp_path / "remote"
    add_remote(project, remote)
    grow(project)
    assert loop() == "triggered"
    other = clone(project, tmp_path / "other")
    shutil.rmtree(other.root / "src")  # so that it cannot have been built
    ensure_data(other, load_recipe(other.recipe))
    assert current_md5(other) == recorded_md5(project)
    assert status_clean(other)


def test_a_remote_that_comes_later_gets_the_data(loop: Loop, tmp_path: Path) -> None:
    assert loop() == "unchanged"
    add_remote(loop.project, tmp_path / "remote")
    assert loop() == "unchanged"
    assert len(objects(tmp_path / "remote")) == 5  # the list, three splits, one licence


def test_without_a_remote_it_says_so_once(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    for first in (100, 110):
        grow(loop.project, first)
        assert loop() == "triggered"
        assert loop() == "unchanged"
    said = capsys.readouterr().out
    assert said.count("no DVC remote is configured") == 1
    assert "`dvc remote add --default NAME URL`" in said


def test_a_remote_that_takes_nothing_stops_nothing(
    loop: Loop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = tmp_path / "remote"
    remote.write_text("a file where a folder should be")
    add_remote(loop.project, remote)
    grow(loop.project)
    assert loop() == "triggered"
    assert "; the data is recorded here, and the next refresh pushes it\n" in (
        capsys.readouterr().out
    )
    remote.unlink()
    assert loop() == "unchanged"
    assert len(objects(remote)) == 5


@pytest.fixture
def pushed(project: Project, recipe: Recipe, tmp_path: Path) -> Project:
    """A project whose data is recorded and in a remote."""
    ensure_data(project, recipe)
    record(project)
    add_remote(project, tmp_path / "remote")
    dvc(project, "push")
    return project


DAMAGED = [lambda paths: [path for path in paths if path.suffix == ".dir"],
           lambda paths: [path for path in paths if path.suffix != ".dir"]]  # fmt: skip


@pytest.mark.parametrize("damaged", DAMAGED, ids=["list", "files"])
def test_a_damaged_remote_poisons_nothing(
    pushed: Project,
    recipe: Recipe,
    tmp_path: Path,
    damaged: Callable[[list[Path]], list[Path]],
) -> None:
    mended = {path: spoil(path) for path in damaged(objects(tmp_path / "remote"))}
    other = clone(pushed, tmp_path / "other")
    (other.root / "src").rename(other.root / "gone")  # so that it cannot be built
    for _ in range(2):
        with pytest.raises(DataError, match=r"^corpus source 'ours': no folder"):
            ensure_data(other, recipe)
        assert not other.data.exists()
    for path, content in mended.items():
        path.write_bytes(content)
    ensure_data(other, recipe)
    assert sha256_folder(other.data) == sha256_folder(pushed.data)
    assert status_clean(other)


@pytest.mark.parametrize("damaged", DAMAGED, ids=["list", "files"])
def test_a_cache_that_is_damaged_already_is_mended(
    pushed: Project,
    recipe: Recipe,
    tmp_path: Path,
    damaged: Callable[[list[Path]], list[Path]],
) -> None:
    """As an earlier version, or DVC itself, has left it."""
    other = clone(pushed, tmp_path / "other")
    shutil.copytree(tmp_path / "remote", other.root / ".dvc/cache")
    for path in damaged(objects(other.root / ".dvc/cache")):
        spoil(path)
    shutil.rmtree(other.root / "src")  # so that it cannot have been built
    ensure_data(other, recipe)
    assert sha256_folder(other.data) == sha256_folder(pushed.data)
    assert status_clean(other)


def test_what_is_recorded_over_a_damaged_cache_is_whole(
    pushed: Project, recipe: Recipe, tmp_path: Path
) -> None:
    before = sha256_folder(pushed.data)
    for path in objects(pushed.root / ".dvc/cache"):
        spoil(path)
    pushed.data_version.unlink()
    record(pushed)
    shutil.rmtree(pushed.data)
    shutil.rmtree(pushed.root / "src")
    shutil.rmtree(tmp_path / "remote")
    ensure_data(pushed, recipe)
    assert sha256_folder(pushed.data) == before


@pytest.mark.parametrize("state", ["missing", "empty", "damaged", "unknown"])
def test_the_recipe_takes_over_from_a_remote(
    pushed: Project, recipe: Recipe, tmp_path: Path, state: str
) -> None:
    remote = tmp_path / "remote"
    if state == "damaged":
        for path in objects(remote):
            spoil(path)
    elif state == "unknown":
        dvc(pushed, "remote", "modify", "store", "url", "s3://not-installed/here")
        commit(pushed.root, "another remote")
    else:
        shutil.rmtree(remote)
        if state == "empty":
            remote.mkdir()
    other = clone(pushed, tmp_path / "other")
    told: list[str] = []
    version = ensure_data(other, recipe, tell=told.append)
    assert version.md5 == recorded_md5(pushed)
    assert not version.dirty
    assert status_clean(other)
    assert git(other.root, "status", "--porcelain") == ""
    (line,) = told
    assert line.startswith(f"the DVC remote does not hold data {version.md5} undamaged")
    assert line.endswith("; building it from the recipe")
    assert "\n" not in line
