"""A name becomes a folder on this disk."""

import shutil
from fnmatch import fnmatch
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


def test_a_hub_model_that_cannot_be_had_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(name: str, **options: object) -> str:
        raise ConnectionError("no route\nto the host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    said: list[str] = []
    with pytest.raises(ModelError) as fault:
        resolve("some/model", project, say=said.append)
    assert str(fault.value) == ("hub id 'some/model' cannot be downloaded: no route to the host")
    assert said == ["downloading some/model from the Hugging Face hub (safetensors only)"]


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


def downloading(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[dict[str, object]]:
    """In the place of the hub: gives ``folder``; tells what it was asked for."""
    asked: list[dict[str, object]] = []

    def download(name: str, **options: object) -> str:
        if options.get("local_files_only"):
            raise OSError("not there")
        asked.append({"name": name, **options})
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


def test_a_hub_model_with_pickled_weights_only_says_what_to_do(
    project: Project, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tiny / "model.safetensors").unlink()
    downloading(monkeypatch, tiny)
    with pytest.raises(ModelError) as fault:
        resolve("some/model", project)
    line = str(fault.value)
    assert line.startswith("hub id 'some/model' has no safetensors, and pickled weights are not")
    assert "name a revision that has them (some/model@REVISION), or if you trust it" in line
    assert "from_pretrained('some/model').save_pretrained('FOLDER')" in line
    assert "\n" not in line


def test_a_revision_and_the_chat_template_are_fetched(
    project: Project, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = downloading(monkeypatch, tiny)
    assert resolve("some/model@refs/pr/4", project) == tiny
    assert (asked[0]["name"], asked[0]["revision"]) == ("some/model", "refs/pr/4")
    patterns = asked[0]["allow_patterns"]
    assert isinstance(patterns, list)
    for name in ("chat_template.jinja", "additional_chat_templates/tools.jinja"):
        assert any(fnmatch(name, pattern) for pattern in patterns)
