"""Turns the name of a model, as the configuration has it, into a folder on this disk."""

import re
from collections.abc import Callable
from pathlib import Path

from steadycode.config import read_yaml
from steadycode.errors import ModelError
from steadycode.hub import HubError, snapshot
from steadycode.models.building import Say, build_base
from steadycode.models.loading import check_folder, conversion
from steadycode.project import Project
from steadycode.spelling import suggestion

_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([\w./-]+))?")
_HUB_FILES = ("*.safetensors", "*.json", "merges.txt", "*.model", "*.jinja")


def resolve(
    spec: str,
    project: Project,
    fetch_registered: Callable[[str], Path] | None = None,
    say: Say | None = None,
) -> Path:
    """The folder of the model that ``spec`` names, fetched or built if it is not there yet.

    ``spec`` is tried in this order: ``models:/NAME@ALIAS`` is passed to ``fetch_registered``, a
    name of ``configs/base-models.yaml`` is built as ``models/NAME``, a folder is returned, and
    ``org/name`` or ``org/name@REVISION`` is downloaded from the hub. ``say`` is told about long
    steps. Raises ModelError.
    """
    if spec.startswith("models:/"):
        if fetch_registered is None:
            raise ModelError(f"{spec}: registered models cannot be fetched here; name a folder")
        return check_folder(fetch_registered(spec))
    check_spelling(spec, project)
    known = read_yaml(project.configs / "base-models.yaml")
    if spec in known:
        return build_base(spec, known[spec], project, say or (lambda text: None))
    if (folder := Path(spec).expanduser()).is_dir():
        return check_folder(folder)
    return _from_hub(spec, say or (lambda text: None))


def check_spelling(spec: str, project: Project) -> None:
    """Raise ModelError when ``spec`` can name no model, whatever the registry and the hub hold."""
    if spec.startswith("models:/") or _HUB_ID.fullmatch(spec):
        return
    known = sorted(read_yaml(project.configs / "base-models.yaml"))
    if spec not in known and not (spec and Path(spec).expanduser().is_dir()):
        raise ModelError(
            f"no model {spec!r}: name one of configs/base-models.yaml, a folder, "
            f"models:/NAME@ALIAS, or a hub id org/name; {suggestion(spec, known)}"
        )


def _from_hub(hub_id: str, say: Say) -> Path:
    def whole(folder: Path) -> bool:
        check_folder(folder)  # a faulty folder is the same to us as a missing one
        return True

    named = _HUB_ID.fullmatch(hub_id)
    assert named  # ``check_spelling`` has seen it
    name, revision = named.groups()
    try:
        folder = snapshot(
            name,
            _HUB_FILES,
            whole,
            kind="model",
            revision=revision,
            before_download=lambda: say(
                f"downloading {hub_id} from the Hugging Face hub (safetensors only)"
            ),
        )
    except HubError as error:
        raise ModelError(f"hub id {hub_id!r} cannot be downloaded: {error}") from error
    if (folder / "config.json").is_file() and not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"hub id {hub_id!r} has no safetensors, and pickled weights are not read, since reading"
            f" them may run any code; name a revision that has them ({name}@REVISION), or"
            f" {conversion(name)}"
        )
    return check_folder(folder)
