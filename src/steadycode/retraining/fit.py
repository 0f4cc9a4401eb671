"""Whether models, settings, data and this machine fit together; every misfit is told in one line.

Each of these would otherwise end a run after its training, or leave it undecided for ever.
"""

import importlib.util
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

from steadycode.config import EvaluateConfig, TrainConfig
from steadycode.corpus.recipe import SplitName
from steadycode.errors import ConfigError, DataError, ModelError
from steadycode.files import read_json, sha256_file
from steadycode.generation.chat import template_hash, template_text
from steadycode.jobs.checkpoints import FOLDER
from steadycode.jobs.group import group_size
from steadycode.measures.documents import read_documents
from steadycode.models import load_tokenizer
from steadycode.models.tokens import tokenizer_fingerprint
from steadycode.models.windows import configured_window
from steadycode.project import Project

_STATE_BYTES = 12
"""Of one weight in a checkpoint: itself and two moments of the optimiser, in float32."""


def check_machine(settings: TrainConfig) -> None:
    """Raise ConfigError when training asks for packages or GPUs that are not here."""
    if settings.lora is not None and importlib.util.find_spec("peft") is None:
        raise ConfigError(
            "train.lora needs the package peft; run pip install 'steadycode[lora]', or remove"
            " train.lora"
        )
    if settings.processes is not None:
        group_size(settings.processes)


def check_documents(project: Project, *splits: SplitName) -> None:
    """Raise DataError when a split of the data holds nothing to take the held-out loss of."""
    for split in splits:
        path = project.data / f"{split}.jsonl"
        if not path.is_file():
            raise DataError(f"no {path} to take the held-out loss of; run `steadycode data build`")
        read_documents(path)


def check_training(project: Project, settings: TrainConfig, start: Path) -> None:
    """Raise ConfigError when the model in ``start`` cannot be trained as the settings say."""
    _check_window(start, "train.sequence_length", settings.sequence_length)
    check_space(project, settings, start)


def check_evaluating(settings: EvaluateConfig, folder: Path) -> None:
    """Raise ConfigError or ModelError when the model in ``folder`` cannot read as many tokens as
    the settings ask, or is to be asked by a chat template that it does not have."""
    _check_window(folder, "evaluate.heldout_tokens", settings.heldout_tokens)
    # a prompt has one token at least
    new = settings.decoding.max_new_tokens + 1
    _check_window(folder, "evaluate.decoding.max_new_tokens", new)
    if settings.decoding.style == "chat":
        template_text(load_tokenizer(folder))


def check_tokenizer(start: Path, champion: Path, name: str) -> None:
    """Raise ConfigError when the two models read a text as different tokens: the gate cannot
    compare their losses. ``name`` is the champion's registered name."""
    if not same_tokenizer(start, champion):
        raise ConfigError(
            f"the model in {start} and the champion of {name} have different tokenizers, so that"
            " the gate could never compare them; give the new model a name of its own in"
            f" model.registered_name (now {name})"
        )


def check_template(settings: EvaluateConfig, start: Path, champion: Path, name: str) -> None:
    """Raise ConfigError when the two models would be asked by different chat templates, which the
    gate does not compare. ``name`` is the champion's registered name."""
    if settings.decoding.style != "chat":
        return
    mine, theirs = (template_hash(load_tokenizer(folder)) for folder in (start, champion))
    if mine != theirs:
        raise ConfigError(
            f"the model in {start} and the champion of {name} have different chat templates, so"
            " that the gate could never compare them; set evaluate.decoding.style=completion, or"
            f" give the new model a name of its own in model.registered_name (now {name})"
        )


def same_tokenizer(one: Path, other: Path) -> bool:
    """Whether evidence on the two models will name one tokenizer: what the gate asks for."""
    if dict(_tokenizer_files(one)) == dict(_tokenizer_files(other)):
        return True
    mine, theirs = (tokenizer_fingerprint(load_tokenizer(folder)) for folder in (one, other))
    return mine == theirs


def check_space(project: Project, settings: TrainConfig, start: Path) -> None:
    """Raise ConfigError when the disk is too small for the checkpoints and the trained model.

    What checkpoints take up now counts as free: they make way, or are continued from.
    """
    kept = min(settings.checkpoints_kept + 1, (settings.steps - 1) // settings.checkpoint_every)
    state = 0 if settings.lora else _STATE_BYTES * sum(_sizes(start))
    model = sum(path.stat().st_size for path in start.glob("*.safetensors"))
    needed = kept * state + model
    place = project.evaluations  # of the work folder's disk, though it may not be made yet
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free + _taken(project)
    if needed > free:
        raise ConfigError(
            f"training keeps {kept} checkpoints and the model below {place.parent}, together"
            f" {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; `steadycode gc` frees some,"
            " train.checkpoints_kept=1 needs less"
        )


def _taken(project: Project) -> int:
    """The bytes of all checkpoints below the project."""
    folders = [attempt / "train" / FOLDER for _, _, attempt in project.attempts()]
    return sum(path.stat().st_size for f in folders for path in f.rglob("*") if path.is_file())


def _sizes(folder: Path) -> Iterator[int]:
    """The number of weights in each tensor of the model in ``folder``."""
    from safetensors import SafetensorError, safe_open

    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                    yield math.prod(tensors.get_slice(name).get_shape())
        except SafetensorError as error:
            raise ModelError(f"{path} is not a safetensors file: {error}") from error


def _tokenizer_files(folder: Path) -> Iterator[tuple[str, str]]:
    names = ("tokenizer*", "special_tokens*", "vocab.json", "merges.txt", "*added_tokens.json")
    for pattern in names:
        for path in folder.glob(pattern):
            yield path.name, sha256_file(path)


def _check_window(folder: Path, key: str, tokens: int) -> None:
    """The window is looked up in config.json: loading transformers for it takes seconds."""
    try:
        config = read_json(folder / "config.json")
        longest = configured_window(config.get("text_config") or config)
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read: {error}") from error
    if tokens > longest:
        raise ConfigError(
            f"{key} asks {folder} to read {tokens} tokens, it can {longest}; lower it"
        )
