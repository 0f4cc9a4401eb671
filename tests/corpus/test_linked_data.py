"""data/ as a link to a folder elsewhere, and with files in it that nobody put there."""

import shutil
from pathlib import Path

import pytest

from steadycode.corpus.build import writing
from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.restore import ensure_data, force_data
from steadycode.corpus.versions import check_data, current_md5, record, recorded_md5, status_clean
from steadycode.errors import ConfigError, DataError
from steadycode.operations.interrupted import interrupted
from steadycode.project import Project
from tests.builders.refresh import Loop, grow


def link(project: Project, target: Path) -> None:
    data = project.root / "data"
    if data.is_dir():
        shutil.rmtree(data)
    data.symlink_to(target)


def led_to(project: Project, target: Path) -> bool:
    return (project.root / "data").readlink() == target and (target / "train.jsonl").is_file()


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_the_folder_behind_it_is_filled(
    loop: Loop, tmp_path: Path, cached: bool, there: bool
) -> None:
    project, target = loop.project, tmp_path / "large" / "d"
    recipe = load_recipe(project.recipe)
    if there:
        target.mkdir(parents=True)
    link(project, target)
    if not cached:
        shutil.rmtree(project.root / ".dvc/cache")
    assert not ensure_data(project, recipe).dirty
    assert not force_data(project, recipe).dirty
    assert not check_data(project).dirty
    assert status_clean(project)
    assert led_to(project, target)


def test_a_refresh_records_what_lies_behind_a_link(loop: Loop, tmp_path: Path) -> None:
    project, target = loop.project, tmp_path / "d"
    shutil.copytree(project.data, target)
    link(project, target)
    before = recorded_md5(project)
    grow(project)
    loop()
    assert recorded_md5(project) == current_md5(project) != before
    assert led_to(project, target)


def test_a_new_version_behind_a_link_is_recorded(loop: Loop, tmp_path: Path) -> None:
    project, target = loop.project, tmp_path / "d"
    shutil.copytree(project.data, target)
    link(project, target)
    with (target / "train.jsonl").open("a") as out:
        out.write("{}\n")
    with pytest.raises(DataError, match=r"differs from data\.dvc in train\.jsonl"):
        check_data(project)
    assert record(project) == current_md5(project) == recorded_md5(project)


def test_what_a_kill_left_behind_a_link_is_seen(loop: Loop, tmp_path: Path, left_by_a_kill) -> None:
    link(loop.project, tmp_path / "d")
    left = left_by_a_kill(tmp_path / "d")
    left.mkdir()
    assert [known.path for known in interrupted(loop.project)] == [left]
    assert loop.project.shown(left) == str(left)
    with writing(loop.project):
        assert not left.exists()


def test_a_link_in_a_circle_and_a_file_in_the_way_are_told(project: Project) -> None:
    (project.root / "data").symlink_to("data")
    with pytest.raises(ConfigError, match="leads back to itself"):
        current_md5(project)
    (project.root / "data").unlink()
    project.data.write_text("mine\n")
    with pytest.raises(DataError, match="is no folder; move it away"):
        ensure_data(project, load_recipe(project.recipe))
    assert project.data.read_text() == "mine\n"


@pytest.mark.parametrize(
    "name", [".DS_Store", "LICENCES/._ours.txt", "Thumbs.db", ".train.jsonl.swp", "train.jsonl~"]
)
def test_droppings_are_named_and_not_restored_or_recorded(loop: Loop, name: str) -> None:
    project = loop.project
    (project.data / name).write_bytes(b"\0")
    for act in (check_data, lambda p: ensure_data(p, load_recipe(p.recipe))):
        with pytest.raises(DataError) as error:
            act(project)
        assert str(error.value).startswith(f"data/ holds {name}, which a file manager or an editor")
        assert "dvc add" not in str(error.value)
        assert "data build" not in str(error.value)
    (project.data / name).unlink()
    assert not check_data(project).dirty


def test_a_dropping_that_was_recorded_is_part_of_the_data(loop: Loop) -> None:
    (loop.project.data / ".DS_Store").write_bytes(b"\0")
    record(loop.project)
    assert not check_data(loop.project).dirty
