"""A name becomes a folder on this disk."""

import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from steadycode.errors import ModelError
from steadycode.models import resolve
from steadycode.project import Project


def test_a_folder_is_itself(project: Project, tiny: Path, tmp_path: Path) -> None:
    assert resolve(str(tiny), project) == tiny
    (tmp_path / "empty").mkdir()
    message = r"empty holds no config\.json and no \*\.safetensors and no tokenizer\.json"
    with pytest.raises(ModelError, match=message):
        resolve(str(tmp_path / "empty"), project)


@pytest.mark.parametrize("spec", ["", "nothing", "/no/such/folder", "../x/y", "a/b/c"])
def test_an_unknown_name_lists_the_choices(project: Project, spec: str) -> None:
    with pytest.raises(ModelError, match="smollm2-135m-instruct, tiny-random") as caught:
        resolve(spec, project)
    assert repr(spec) in str(caught.value)


def test_registered_models_are_fetched_by_the_registry(project: Project, tiny: Path) -> None:
    asked: list[str] = []

    def fetch(spec: str) -> Path:
        asked.append(spec)
        return tiny

    assert resolve("models:/steadycode@champion", project, fetch) == tiny
    assert asked == ["models:/steadycode@champion"]
    with pytest.raises(ModelError, match="cannot be fetched here"):
        resolve("models:/steadycode@champion", project)


def test_a_hub_model_that_is_here_needs_no_network(
    project: Project, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    stored = tmp_path / "hub" / "models--some--model"
    shutil.copytree(tiny, stored / "snapshots" / "0123")
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("0123")
    assert resolve("some/model", project) == stored / "snapshots" / "0123"
