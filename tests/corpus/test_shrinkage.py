"""A build that comes to far fewer rows than are recorded is refused, with the numbers."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from steadycode.corpus.recipe import load_recipe
from steadycode.corpus.restore import force_data
from steadycode.corpus.versions import current_md5, record
from steadycode.errors import DataError
from steadycode.project import Project
from tests.builders.corpus import commit, function
from tests.builders.refresh import Loop, picture

MORE = {"name": "more", "path": "more", "licence": "MIT"}


def lose(project: Project, kept: int) -> None:
    for path in sorted((project.root / "src").glob("*.py"))[kept:]:
        path.unlink()


def spoil(project: Project, kept: int) -> None:
    for path in sorted((project.root / "src").glob("*.py"))[kept:]:
        path.write_text("def f(:")


@pytest.fixture
def two(loop: Loop) -> Project:
    """Sixty rows of the source ``ours`` and three of ``more`` are recorded."""
    project = loop.project
    (project.root / "more").mkdir()
    for number in range(3):
        (project.root / "more" / f"{number}.py").write_text(function(900 + number))
    recipe = yaml.safe_load(project.recipe.read_text())
    project.recipe.write_text(yaml.safe_dump(recipe | {"folders": [*recipe["folders"], MORE]}))
    assert loop(retrain=False) == "recorded"
    commit(project.root, "two sources")
    return project


def test_a_refresh_that_loses_most_rows_is_refused(loop: Loop) -> None:
    spoil(loop.project, 7)
    before = picture(loop.project)
    with pytest.raises(DataError) as error:
        loop()
    assert str(error.value) == (
        "the recipe gives 7 rows in all where 60 are recorded: less than the share 0.5 (min_share "
        "in configs/corpus.yaml), so data/ and data.dvc were left alone; mend the source, or "
        "accept it with `steadycode data build --force --accept-fewer-rows` and `dvc add data`; "
        "left out: 53 files not Python 3.11 (first ours/greet_15.py)"
    )
    assert picture(loop.project) == before
    assert not loop.triggered


def test_a_source_that_is_empty_by_accident_is_refused(two: Project) -> None:
    shutil.rmtree(two.root / "more")
    (two.root / "more").mkdir()
    before = picture(two)
    for build in (Loop(two), lambda: force_data(two, load_recipe(two.recipe))):
        with pytest.raises(DataError, match=r"^the recipe gives 0 rows of more where 3 are rec"):
            build()
        assert picture(two) == before


def test_a_source_that_the_recipe_no_longer_names_is_not_missed(two: Project) -> None:
    recipe = yaml.safe_load(two.recipe.read_text())
    two.recipe.write_text(yaml.safe_dump(recipe | {"folders": recipe["folders"][:1]}))
    assert Loop(two)() == "triggered"


def without_a_lock(project: Project) -> None:
    (project.configs / "corpus.lock.json").unlink()


def without_data(project: Project) -> None:
    without_a_lock(project)
    shutil.rmtree(project.data)


@pytest.mark.parametrize("remove", [without_a_lock, without_data])
def test_rows_are_counted_where_no_lock_tells_them(
    loop: Loop, remove: Callable[[Project], None]
) -> None:
    lose(loop.project, 7)
    remove(loop.project)
    with pytest.raises(DataError, match=r"^the recipe gives 7 rows in all where 60 are recorded"):
        force_data(loop.project, load_recipe(loop.project.recipe))


def test_fewer_rows_are_accepted_on_purpose(loop: Loop) -> None:
    project = loop.project
    lose(project, 24)
    recipe = load_recipe(project.recipe)
    with pytest.raises(DataError, match="--accept-fewer-rows"):
        force_data(project, recipe)
    assert force_data(project, recipe, accept_fewer_rows=True).dirty
    record(project)
    commit(project.root, "fewer")
    assert loop() == "unchanged"
    (project.root / "src/new.py").write_text(function(500))
    assert loop() == "triggered"


def test_the_share_is_a_setting(loop: Loop, tmp_path: Path) -> None:
    project = loop.project
    lose(project, 24)
    before = current_md5(project)
    with pytest.raises(DataError, match="where 60 are recorded"):
        loop()
    assert current_md5(project) == before
    project.recipe.write_text(project.recipe.read_text() + "min_share: 0.4\n")
    assert loop() == "triggered"
