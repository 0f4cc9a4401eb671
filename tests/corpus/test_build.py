import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadycode.corpus.build import build
from steadycode.corpus.built import BuildResult, Size
from steadycode.corpus.lock import lock_path
from steadycode.corpus.recipe import Recipe
from steadycode.errors import DataError
from steadycode.files import sha256_folder, sha256_text
from steadycode.project import Project
from tests.builders.corpus import function


def rows(project: Project) -> list[dict[str, Any]]:
    lines = "".join(
        (project.data / f"{split}.jsonl").read_text() for split in ("train", "valid", "test")
    )
    return [json.loads(line) for line in lines.splitlines()]


def variant(recipe: Recipe, **changes: Any) -> Recipe:
    return Recipe.model_validate({**recipe.model_dump(), **changes})


def test_same_bytes_every_time(project: Project, recipe: Recipe) -> None:
    first = build(recipe, project)
    before = sha256_folder(project.data)
    assert build(recipe, project) == first
    assert sha256_folder(project.data) == before
    assert list(before) == ["LICENCES/ours.txt", "test.jsonl", "train.jsonl", "valid.jsonl"]
    assert sum(first.rows.values()) == 60
    assert all(first.rows.values())
    assert first.packages == {"ours": Size(60, sum(len(function(n)) for n in range(60)))}
    assert (project.data / "LICENCES/ours.txt").read_text() == "You may.\n"
    assert not list(project.root.glob(".data*"))


def test_row_says_what_it_is(project: Project, recipe: Recipe) -> None:
    build(recipe, project)
    row = next(row for row in rows(project) if row["path"] == "greet_7.py")
    assert row == {
        "content": function(7),
        "kind": "module",
        "licence": "MIT",
        "package": "ours",
        "path": "greet_7.py",
        "sha256": sha256_text(function(7)),
        "version": "local",
    }


def test_growing_never_moves_a_file(project: Project, recipe: Recipe) -> None:
    def splits() -> dict[str, str]:
        return {
            json.loads(line)["path"]: split
            for split in ("train", "valid", "test")
            for line in (project.data / f"{split}.jsonl").read_text().splitlines()
        }

    build(recipe, project)
    before = splits()
    for number in range(100, 140):
        (project.root / "src" / f"a_{number}.py").write_text(function(number))
    build(recipe, project)
    after = splits()
    assert len(after) == 100
    assert {path: after[path] for path in before} == before


def test_order_of_sources_changes_nothing(project: Project, recipe: Recipe) -> None:
    (project.root / "more").mkdir()
    (project.root / "more/extra.py").write_text(function(900))
    more = {"name": "aaa", "path": "more", "licence": "MIT"}
    ours = recipe.model_dump()["folders"][0]
    one = build(variant(recipe, folders=[ours, more]), project)
    assert build(variant(recipe, folders=[more, ours]), project) == one


def test_what_does_not_belong_is_dropped_and_counted(project: Project, recipe: Recipe) -> None:
    source = project.root / "src"
    (source / "copy.py").write_text(function(3))
    (source / "tiny.py").write_text("x = 1\n")
    (source / "broken.py").write_text("def f(:\n" * 10)
    (source / "vast.py").write_text("def f():\n" + "    x = 1\n" * 300)
    (source / ".hidden").mkdir()
    (source / ".hidden/secret.py").write_text(function(500))
    (source / "link.py").symlink_to(project.root / "configs/corpus.yaml")
    result = build(variant(recipe, max_characters=2000), project)
    assert {reason: left.files for reason, left in result.left_out.items()} == {
        "hidden": 1, "link": 1, "not_python": 1, "too_short": 1, "too_long": 1, "duplicate": 1,
    }  # fmt: skip
    paths = {row["path"] for row in rows(project)}
    assert "copy.py" in paths  # sorts before greet_3.py, so it is the one that stays
    assert "greet_3.py" not in paths
    assert len(paths) == 60


def test_pieces_of_one_file_share_a_split(project: Project, recipe: Recipe) -> None:
    (project.root / "src/many.py").write_text("\n".join(function(n) for n in range(100, 200)))
    build(recipe, project)
    names = [
        split
        for split in ("train", "valid", "test")
        if "many.py" in (project.data / f"{split}.jsonl").read_text()
    ]
    assert len(names) == 1
    assert sum(row["path"] == "many.py" and row["kind"] == "function" for row in rows(project)) == (
        100
    )


def test_failed_build_keeps_the_old_data(project: Project, recipe: Recipe) -> None:
    build(recipe, project)
    before = sha256_folder(project.data)
    missing = {"name": "zzz", "path": "nowhere", "licence": "MIT"}
    folders = [*recipe.model_dump()["folders"], missing]
    with pytest.raises(DataError, match="corpus source 'zzz': no folder"):
        build(variant(recipe, folders=folders), project)
    assert sha256_folder(project.data) == before
    assert not list(project.root.glob(".data*"))


def test_build_that_is_not_accepted_keeps_the_old_data(project: Project, recipe: Recipe) -> None:
    build(recipe, project)
    before, lock = sha256_folder(project.data), lock_path(project).read_text()
    (project.root / "src/new.py").write_text(function(500))

    def refuse(built: BuildResult) -> None:
        raise DataError(f"{sum(built.rows.values())} rows")

    with pytest.raises(DataError, match=r"^61 rows$"):
        build(recipe, project, None, refuse)
    assert sha256_folder(project.data) == before
    assert lock_path(project).read_text() == lock
    assert not list(project.root.glob(".data*"))


def test_build_killed_between_its_renames_is_mended(
    project: Project, recipe: Recipe, left_by_a_kill: Callable[..., Path]
) -> None:
    build(recipe, project)
    before = sha256_folder(project.data)
    project.data.rename(left_by_a_kill(project.data, "old"))
    left_by_a_kill(project.data).mkdir()
    (project.root / "src").rename(project.root / "gone")
    with pytest.raises(DataError):
        build(recipe, project)
    assert sha256_folder(project.data) == before
    assert [path.name for path in project.root.glob(".data*")] == []


def test_no_rows_is_an_error(project: Project, recipe: Recipe) -> None:
    folders = [{**recipe.model_dump()["folders"][0], "exclude": ["*"]}]
    with pytest.raises(DataError, match="yields no row"):
        build(variant(recipe, folders=folders), project)


def test_progress_counts_sources(project: Project, recipe: Recipe) -> None:
    seen: list[tuple[str, int, int]] = []
    build(recipe, project, lambda *step: seen.append(step))
    assert seen == [("ours", 0, 1), ("corpus", 1, 1)]


class TestPackage:
    """A real pip download, from a folder of wheels instead of the index."""

    @pytest.fixture
    def wheel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "wheels" / "tinylib-1.0-py3-none-any.whl"
        path.parent.mkdir()
        info = "tinylib-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tinylib/core.py", function(1))
            archive.writestr("tinylib/tests/test_core.py", function(2))
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinylib\n"
                             "Version: 1.0\n")  # fmt: skip
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{info}/licenses/LICENSE", "Do as you like.\n")
        monkeypatch.setenv("PIP_ARGS", f"--no-index --find-links '{path.parent}'")
        return path

    def build(self, project: Project, sha256: str) -> BuildResult:
        package = {"name": "tinylib", "version": "1.0", "sha256": sha256, "licence": "MIT",
                   "exclude": ["*/tests/*"]}  # fmt: skip
        return build(Recipe.model_validate({"packages": [package]}), project)

    def test_download_then_cache(self, project: Project, wheel: Path) -> None:
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        first = self.build(project, sha256)
        assert [row["path"] for row in rows(project)] == ["tinylib/core.py"]
        assert (project.data / "LICENCES/tinylib.txt").read_text() == "Do as you like.\n"
        wheel.unlink()
        assert self.build(project, sha256) == first

    def test_other_wheel_is_refused(self, project: Project, wheel: Path) -> None:
        with pytest.raises(DataError, match=r"^tinylib==1\.0 has sha256 .* says 0{64};"):
            self.build(project, "0" * 64)
        assert not project.data.exists()
