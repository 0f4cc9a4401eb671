"""Data that the user put into data/ himself stays, whatever builds or refreshes run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from steadycode.corpus.lock import lock_path
from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.restore import ensure_data, force_data
from steadycode.corpus.versions import current_md5, record, recorded_md5
from steadycode.errors import DataError
from steadycode.files import sha256_folder, sha256_text
from steadycode.project import Project
from tests.builders.corpus import commit, function, git
from tests.builders.refresh import Loop, grow, md5_on, picture

NOT_OURS = (
    r"^data\.dvc records data \w+\.dir, which did not come from the recipe \(it .*\), so nothing "
    r"was changed; .*`mode: recorded`"
)


def own_rows(project: Project, number: int = 1) -> None:
    """A row that no recipe gives."""
    content = function(number).replace("greet", "salute")
    path = project.data / "train.jsonl"
    row = json.loads(path.read_text().splitlines()[0])
    row |= {"content": content, "sha256": sha256_text(content), "path": f"salute_{number}.py"}
    with path.open("a") as out:
        out.write(json.dumps(row) + "\n")


def write_recipe(project: Project, **changes: Any) -> None:
    recipe = yaml.safe_load(project.recipe.read_text()) | changes
    project.recipe.write_text(yaml.safe_dump(recipe))


@pytest.mark.parametrize(("committed", "grown"), [(True, False), (False, True)])
def test_own_rows_that_dvc_records_are_left_alone(loop: Loop, committed: bool, grown: bool) -> None:
    project = loop.project
    own_rows(project)
    own = record(project)
    if committed:
        commit(project.root, "my rows")
    if grown:
        grow(project)
    before = picture(project)
    for _ in range(2):
        with pytest.raises(DataError, match=NOT_OURS) as error:
            loop()
        assert "\n" not in str(error.value)
        assert picture(project) == before
    assert ensure_data(project, load_recipe(project.recipe)).md5 == own
    assert picture(project) == before
    assert not loop.triggered


def test_own_data_that_another_clone_recorded_is_left_alone(loop: Loop, tmp_path: Path) -> None:
    """data/ is still the recipe's here; what the branch records by now is not."""
    project = loop.project
    git(project.root, "clone", "--quiet", str(project.root), str(tmp_path / "other"))
    other = Project(tmp_path / "other")
    shutil.copytree(project.data, other.data)
    own_rows(other)
    record(other)
    commit(other.root, "my rows")
    git(project.root, "pull", "--quiet", str(other.root), "main")
    grow(project)
    before = picture(project)
    with pytest.raises(DataError, match=NOT_OURS):
        loop()
    assert picture(project) == before


def test_own_data_on_the_branch_that_is_committed_to(loop: Loop) -> None:
    project = loop.project
    theirs = project.data_version.read_text()
    git(project.root, "checkout", "--quiet", "-b", "mine")
    own_rows(project)
    own = record(project)
    commit(project.root, "my rows")
    git(project.root, "checkout", "--quiet", "main")
    assert project.data_version.read_text() == theirs
    ensure_data(project, load_recipe(project.recipe))
    grow(project)
    before = picture(project)
    with pytest.raises(DataError, match=f"^data.dvc records data {own}, which did not"):
        loop("mine")
    assert picture(project) == before
    assert md5_on(project, "mine") == own
    assert loop() == "triggered"


def test_own_data_in_a_fresh_clone_is_not_superseded(loop: Loop, tmp_path: Path) -> None:
    own_rows(loop.project)
    record(loop.project)
    commit(loop.project.root, "my rows")
    git(loop.project.root, "clone", "--quiet", str(loop.project.root), str(tmp_path / "fresh"))
    fresh = Loop(Project(tmp_path / "fresh"))
    with pytest.raises(DataError, match=NOT_OURS):
        fresh()
    with pytest.raises(DataError, match=r"^the corpus recipe gives data \w+\.dir, data\.dvc rec"):
        ensure_data(fresh.project, load_recipe(fresh.project.recipe))
    assert not fresh.project.data.exists()
    assert git(fresh.project.root, "status", "--porcelain") == ""


def test_recorded_data_that_no_commit_names_is_left_alone(loop: Loop) -> None:
    """As after ``dvc add`` and ``git checkout data.dvc``: nobody could name it any more."""
    project = loop.project
    own_rows(project)
    record(project)
    git(project.root, "checkout", "--quiet", "data.dvc")
    before = picture(project)
    for build in (lambda: ensure_data(project, load_recipe(project.recipe)), loop):
        with pytest.raises(DataError, match=r"^data/ differs .*, and no commit records data/ as"):
            build()
        assert picture(project) == before


def test_data_without_a_lock_is_left_alone_unless_the_recipe_gives_it(loop: Loop) -> None:
    project = loop.project
    lock = lock_path(project).read_text()
    git(project.root, "rm", "--quiet", "--cached", lock_path(project))
    git(project.root, "commit", "--quiet", "--amend", "--no-edit")
    git(project.root, "reflog", "expire", "--expire=now", "--all")
    lock_path(project).unlink()
    grow(project)
    before = picture(project)
    with pytest.raises(DataError, match=NOT_OURS):
        loop()
    assert picture(project) == before
    git(project.root, "checkout", "--quiet", "src")
    git(project.root, "clean", "--quiet", "--force", "src")
    assert loop() == "unchanged"
    assert lock_path(project).read_text() == lock
    grow(project)
    assert loop() == "triggered"


def test_the_way_back_to_the_recipe(loop: Loop) -> None:
    project = loop.project
    own_rows(project)
    record(project)
    commit(project.root, "my rows")
    force_data(project, load_recipe(project.recipe))
    record(project)
    commit(project.root, "back to the recipe")
    grow(project)
    assert loop() == "triggered"


def test_a_lock_that_a_merge_has_damaged(loop: Loop) -> None:
    lock_path(loop.project).write_text("<<<<<<< HEAD\n")
    grow(loop.project)
    before = picture(loop.project)
    with pytest.raises(DataError, match=r"corpus\.lock\.json is damaged; restore it with git"):
        loop()
    assert picture(loop.project) == before


class TestModeRecorded:
    """The recipe says for good that data/ is the user's."""

    @pytest.fixture
    def own(self, loop: Loop) -> Loop:
        own_rows(loop.project)
        record(loop.project)
        loop.project.recipe.write_text("mode: recorded\n")
        commit(loop.project.root, "my rows")
        return loop

    def test_refresh_validates_and_changes_nothing(
        self, own: Loop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = picture(own.project)
        assert own() == "unchanged"
        assert picture(own.project) == before
        said = capsys.readouterr().out
        assert "data fit to train on: 61 rows" in said
        assert said.splitlines()[-1] == (
            f"unchanged: the recipe's mode is recorded, data/ is {recorded_md5(own.project)}, as "
            "data.dvc records"
        )
        (own.project.data / "valid.jsonl").write_text("")
        record(own.project)
        with pytest.raises(DataError, match=r"not fit to train on: splits .*`dvc add data`$"):
            own()

    def test_sources_that_it_still_names_are_not_built(self, own: Loop) -> None:
        write_recipe(own.project, folders=[{"name": "ours", "path": "src", "licence": "MIT"}])
        grow(own.project)
        before = picture(own.project)
        assert own() == "unchanged"
        recipe = load_recipe(own.project.recipe)
        assert ensure_data(own.project, recipe).md5 == recorded_md5(own.project)
        with pytest.raises(DataError, match=r"^--force builds from the recipe, but .*`mode: reco"):
            force_data(own.project, recipe)
        assert picture(own.project) == before

    def test_it_comes_from_the_cache_or_is_not_to_be_had(self, own: Loop) -> None:
        project, recipe = own.project, load_recipe(own.project.recipe)
        before = sha256_folder(project.data)
        shutil.rmtree(project.data)
        assert own() == "unchanged"
        assert sha256_folder(project.data) == before
        shutil.rmtree(project.data)
        shutil.rmtree(project.root / ".dvc/cache")
        lost = rf"^DVC's cache does not hold data {recorded_md5(project)}, and no DVC remote is"
        with pytest.raises(DataError, match=lost):
            ensure_data(project, recipe)
        assert not project.data.exists()
        project.data_version.unlink()
        with pytest.raises(DataError, match=r"^there is neither data/ nor .*put your data there"):
            ensure_data(project, recipe)

    def test_changes_are_not_undone(self, own: Loop) -> None:
        own_rows(own.project, 2)
        before = current_md5(own.project)
        with pytest.raises(DataError, match=r"^data/ differs from data\.dvc in train\.jsonl, and"):
            own()
        assert current_md5(own.project) == before
