from pathlib import Path
from typing import Any

import pytest
import yaml

from steadycode.config import DataConfig
from steadycode.corpus.recipe import Folder, Package, Recipe, Split, load_recipe
from steadycode.errors import ConfigError
from tests.builders.corpus import REPOSITORY

OURS = {"name": "ours", "path": "src", "licence": "MIT"}
PINNED = {"name": "toolz", "version": "1.0", "sha256": "0" * 64, "licence": "MIT"}


def load(tmp_path: Path, content: Any) -> Recipe:
    path = tmp_path / "corpus.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_recipe(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"folders": [OURS], "colour": 1}, "colour: there is no such key"),
        ({"folders": [{**OURS, "path": "../x"}]}, "folders.0.path: must be a folder below"),
        ({"folders": [{**OURS, "path": "/x"}]}, "folders.0.path: must be a folder below"),
        ({"folders": [{**OURS, "name": "../x"}]}, "folders.0.name: string should match"),
        ({"packages": [{**PINNED, "sha256": "12"}]}, "packages.0.sha256: string should match"),
        ({"packages": [{**PINNED, "version": 1.1}]}, "packages.0.version: input should be a valid"),
        ({"packages": [{**PINNED, "version": "-x"}]}, "packages.0.version: string should match"),
        ({"folders": [OURS, OURS]}, "names 'ours' twice"),
        ({}, "names no source"),
        ({"folders": [OURS], "mode": "own"}, "mode: input should be 'recipe' or 'recorded'"),
        ({"folders": [OURS], "min_share": 50}, "min_share: input should be less than or equal"),
        ({"folders": [OURS], "split": {"train": 90}}, "train + valid + test must be 100, not 94"),
        ([], "must hold a mapping"),
    ],
)
def test_a_bad_recipe_is_refused_with_the_place(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, content)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no corpus recipe"):
        load_recipe(tmp_path / "none.yaml")


def test_a_recipe_of_recorded_data_needs_no_source(tmp_path: Path) -> None:
    assert load(tmp_path, {"mode": "recorded"}).mode == "recorded"


def test_patterns_select_python_files() -> None:
    package = Package.model_validate(
        {**PINNED, "include": ["toolz/*"], "exclude": ["*/tests/*", "toolz/old.py"]}
    )
    paths = ["toolz/a.py", "toolz/x/y.py", "toolz/x/tests/t.py", "toolz/old.py", "tlz/a.py",
             "toolz/a.pyi", "toolz/tests/t.py"]  # fmt: skip
    assert [path for path in paths if package.selects(path)] == ["toolz/a.py", "toolz/x/y.py"]
    assert Folder.model_validate(OURS).selects("deep/er/file.py")


def test_split_of_a_file_is_fixed_for_ever() -> None:
    split = Split(train=80, valid=10, test=10)
    golden = {1: "train", 2: "train", 4: "test", 5: "test", 15: "valid"}
    assert {number: split.of("ours", f"greet_{number}.py") for number in golden} == golden
    shares = [Split().of("p", str(number)) for number in range(20_000)]
    assert 18_980 < shares.count("train") < 19_420  # 96 %, 8 standard deviations
    assert 240 < shares.count("valid") < 560


def test_committed_recipe_is_permissive_and_credited() -> None:
    recipe = load_recipe(REPOSITORY / "configs/corpus.yaml")
    notice = (REPOSITORY / "NOTICE").read_text()
    for package in recipe.packages:
        assert package.licence in DataConfig().allowed_licences
        assert f"- {package.name} {package.version}: {package.licence}\n" in notice
