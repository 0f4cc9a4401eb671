"""A project that root and a user have used by turns."""

import os
from pathlib import Path

import pytest
import typer

from steadycode.commands.project import in_project
from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.repository import head_commit
from steadycode.corpus.restore import ensure_data, force_data
from steadycode.errors import DataError, SteadycodeError
from steadycode.ownership import no_access
from steadycode.project import Project
from steadycode.registry.store import open_store
from tests.builders.corpus import make_project


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process as one of a user without a name, who may not write."""
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "access", lambda path, mode: False)


@pytest.mark.usefixtures("user")
def test_who_may_not_write_is_told_whose_it_is_and_what_to_do(tmp_path: Path) -> None:
    owner = tmp_path.owner()
    told = no_access(tmp_path / "gone/away")
    assert told.startswith(
        f"user 54321 may not read or write {tmp_path}/gone/away: {tmp_path} belongs to {owner}"
    )
    assert told.endswith(f"`sudo chown -R 54321 {tmp_path}`")
    assert ": it belongs to" in no_access(tmp_path)


@pytest.mark.usefixtures("user")
def test_a_store_that_somebody_else_made_is_one_line(project: Project) -> None:
    with pytest.raises(SteadycodeError, match=f"may not read or write {project.mlruns}: it belon"):
        open_store(project)


def test_a_file_that_cannot_be_written_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEADYCODE_HOME", str(project.root))
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(typer.Exit) as ended, in_project():
        raise PermissionError(13, "Permission denied", str(project.work / "x.json"))
    assert ended.value.exit_code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"error: user 54321 may not read or write {project.work}/x.json: ")


def test_a_repository_that_git_does_not_open_is_no_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "p")
    assert head_commit(project)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    recipe = load_recipe(project.recipe)
    for act in (head_commit, lambda p: ensure_data(p, recipe), lambda p: force_data(p, recipe)):
        with pytest.raises(DataError, match=r"git config --global --add safe\.directory") as fault:
            act(project)
        assert str(project.root) in str(fault.value)
    assert not project.data.exists()
