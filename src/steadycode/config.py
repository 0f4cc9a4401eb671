"""The one typed configuration, which profiles (YAML files in ``configs/``) fill.

``load_config("quick", ["train.steps=40"])`` reads ``configs/quick.yaml`` and lays the overrides
over it; the command line and Prefect's form both do so. ``Config(profile="quick", train={...})`` is
the same with values in the place of texts.
"""

import contextlib
import re
from collections.abc import Sequence
from inspect import isclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steadycode.errors import ConfigError
from steadycode.project import find_project
from steadycode.spelling import first_fault, keys_of, suggested_key, suggestion

Style = Literal["completion", "chat"]


class _Section(BaseModel):
    # JSON, by which a stage is told its settings, has no infinity
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelConfig(_Section):
    base: str = Field(
        "smollm2-135m-instruct",
        description="a name of configs/base-models.yaml, a folder, models:/NAME@ALIAS, or a hub id",
    )
    start: Literal["base", "champion"] = Field("base", description="what training starts from")
    registered_name: str = Field("steadycode", pattern=r"^[A-Za-z0-9_.-]+$")


class DataConfig(_Section):
    """The bounds that validation enforces; ``max_documents`` limits what training reads."""

    min_rows: int = Field(100, ge=1, description="fewer rows over all splits is a fault")
    min_characters: int = Field(40, ge=1)
    max_characters: int = Field(200_000, ge=1)
    allowed_licences: tuple[str, ...] = (
        "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC",
    )  # fmt: skip
    max_documents: int | None = Field(None, ge=1)


class LoraConfig(_Section):
    """Low-rank adapters, trained instead of all weights and merged into the model at the end."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1, description="the update is scaled by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1)


class TrainConfig(_Section):
    mode: Literal["mle", "token", "sequence", "both"] = "both"
    steps: int = Field(40, ge=1, description="optimiser steps")
    batch_size: int = Field(6, ge=1, description="sequences in one optimiser step")
    micro_batch_size: int = Field(6, ge=1, description="rows in one forward pass of one process")
    sequence_length: int = Field(320, ge=8, description="tokens in one sequence")
    learning_rate: float = Field(5e-5, gt=0, lt=1)
    warmup_steps: int = Field(4, ge=0)
    weight_decay: float = Field(0.1, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    temperature: float = Field(0.05, gt=0)
    views: Literal["functional", "two_pass", "last_layers"] = Field(
        "functional",
        description="where dropout makes the two views: on the last hidden state (one forward"
        " pass), in the whole model, or in its last dropout_layers blocks (two passes each)",
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="the probability that makes the two views")
    dropout_layers: int = Field(1, ge=1, description="blocks with dropout, for views=last_layers")
    sequence_negatives: Literal["micro_batch", "batch"] = Field(
        "micro_batch",
        description="batch compares the sequences of the whole batch, for one more forward pass;"
        " so does micro_batch where one would hold a single sequence",
    )
    token_weight: float = Field(1.0, ge=0)
    sequence_weight: float = Field(1.0, ge=0)
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    packing: bool = Field(False, description="put several short sequences in one row")
    gradient_checkpointing: bool = Field(False, description="less memory, a third more time")
    compile: bool = Field(False, description="torch.compile of the model's blocks")
    lora: LoraConfig | None = Field(None, description="train adapters only; needs the lora extra")
    processes: int | None = Field(None, ge=1, description="null means one per GPU, or one on a CPU")
    heldout_every: int = Field(10, ge=1, description="steps between held-out measurements")
    checkpoint_every: int = Field(20, ge=1, description="steps between checkpoints")
    checkpoints_kept: int = Field(2, ge=1, description="how many of the newest are kept")

    @model_validator(mode="after")
    def _views_differ(self) -> "TrainConfig":
        if self.mode != "mle" and self.dropout == 0:
            raise ValueError(
                "dropout is 0, so the two views of the contrastive terms would be the same;"
                " set train.dropout=0.1, or train.mode=mle to train without those terms"
            )
        return self

    @model_validator(mode="after")
    def _sequences_have_negatives(self) -> "TrainConfig":
        if self.mode in ("sequence", "both") and self.batch_size == 1:
            raise ValueError(
                "batch_size is 1, so the sequence term would have nothing to compare a sequence"
                " with; set train.batch_size=2 or more, or train.mode=token (or mle)"
            )
        return self


class Decoding(_Section):
    max_new_tokens: int = Field(160, ge=1)
    samples: int = Field(1, ge=1)
    temperature: float = Field(0.0, ge=0, description="0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1)
    style: Style = Field("completion", description="chat asks by the model's chat template")
    batch_size: int | None = Field(
        None, ge=1, description="completions decoded at a time; null means 64, or 256 on a GPU"
    )
    batch_tokens: int | None = Field(
        None,
        ge=1,
        description="tokens of prompts and completions that a batch holds at a time; null means"
        " 16384, or 131072 on a GPU",
    )

    @model_validator(mode="after")
    def _samples_differ(self) -> "Decoding":
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"{self.samples} samples at temperature 0 are all the same; set"
                " evaluate.decoding.temperature=0.8, or evaluate.decoding.samples=1"
            )
        return self


class LimitsConfig(_Section):
    # what no machine has is refused here, not as a fault of the machine
    seconds: float = Field(3.0, gt=0, le=1e6, description="CPU seconds of one program")
    memory_mb: int = Field(1024, ge=64, le=2**20)
    output_kb: int = Field(64, ge=1, le=2**20)
    files_mb: int = Field(16, ge=0, le=2**20)


class EvaluateConfig(_Section):
    problems: str = Field("humaneval", description="humaneval, a .jsonl file, or a hub data set")
    max_problems: int | None = Field(
        None, ge=1, description="a subset, which figures are labelled with"
    )
    perturbations: tuple[str, ...] = Field(
        (), description="names of `steadycode perturb list`, or [all]; none: nominal prompts only"
    )
    style: Literal["sound", "release"] = Field(
        "sound", description="release perturbs as the published benchmark did, faults included"
    )
    seeds: int = Field(1, ge=1, description="variants of each random perturbation")
    decoding: Decoding = Decoding()
    limits: LimitsConfig = LimitsConfig()
    sandbox: Literal["isolated", "unsafe"] = Field(
        "isolated",
        description="unsafe runs generated programs even where the machine cannot confine them",
    )
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    heldout_documents: int = Field(64, ge=2)
    heldout_tokens: int = Field(512, ge=16, description="how many of each document are scored")


class Config(_Section):
    """Everything that a retraining depends on. Unknown keys are refused."""

    profile: str = Field(
        "quick",
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="the name of a file in configs/; values that are given win over the file's",
    )
    seed: int = Field(0, ge=0)
    experiment: str = Field("steadycode", min_length=1)
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    max_stage_hours: float = Field(24, gt=0, description="a stage that takes longer is stopped")
    gate: str = Field("gate", description="the policy configs/NAME.yaml that decides")

    @model_validator(mode="before")
    @classmethod
    def _fill_from_profile(cls, settings: Any) -> Any:
        if not isinstance(settings, dict):
            return settings
        name = settings.get("profile", "quick")
        return merge(read_profile(str(name)), settings)


def names_in(folder: Path, model: type[BaseModel]) -> list[str]:
    """The YAML files of a folder, without their suffix, that set some key of ``model``."""
    names = []
    for path in folder.glob("*.yaml"):
        with contextlib.suppress(ConfigError):  # a broken file is told of when it is named
            if read_yaml(path).keys() & model.model_fields.keys():
                names.append(path.stem)
    return sorted(names)


def profile_names() -> list[str]:
    return names_in(find_project().configs, Config)


def read_profile(name: str) -> dict[str, Any]:
    """The contents of ``configs/NAME.yaml``. Raises ConfigError when there is no such profile."""
    folder = find_project().configs
    path = folder / f"{name}.yaml"
    settings = read_yaml(path) if path.is_file() else {}
    if not settings.keys() & Config.model_fields.keys():
        raise ConfigError(f"no profile {name!r} in {folder}; {suggestion(name, profile_names())}")
    return settings


def load_config(profile: str = "quick", overrides: Sequence[str] | None = None) -> Config:
    """The profile with each override, ``section.key=value``, laid over it. Raises ConfigError when
    a key or value is wrong."""
    settings: dict[str, Any] = {"profile": profile}
    for override in overrides or []:
        settings = merge(settings, _parse_override(override))
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"profile {profile!r}: {first_fault(error, Config)}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in the YAML file at ``path``. Raises ConfigError when it holds none."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; restore it") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a mapping of keys to values")
    return content


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """A new mapping with ``over`` laid over ``base``; mappings inside are merged too."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _parse_value(text: str, where: str) -> Any:
    """The value that ``text`` says in YAML. Raises ConfigError for what YAML would take for another
    value than a person does: ``010`` for 8, and what is behind a ``#`` for a comment."""
    if re.search(r"^&|(^|\s)#", re.sub(r"'[^']*'|\"[^\"]*\"", "", text)):
        raise ConfigError(f"{where}: write a value with # or & in quotes")
    try:
        parsed = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date in month 13
        raise ConfigError(f"{where}: the value is not YAML") from error
    if isinstance(parsed, str) and parsed == text:
        with contextlib.suppress(ValueError):  # YAML 1.1 reads 5e-5 as a string
            return float(text)
    if isinstance(parsed, int | float) and not isinstance(parsed, bool):
        with contextlib.suppress(ValueError, OverflowError):
            if float(text) == float(parsed):
                return parsed
        raise ConfigError(f"{where}: YAML reads {text} as {parsed}; write it in decimals")
    return parsed


def _parse_text(text: str, where: str) -> str:
    """The text as it was given, whatever YAML would make of it; only quotes around all of it go."""
    quoted = re.fullmatch(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"", text, re.DOTALL)
    return str(_parse_value(text, where)) if quoted else text


def _type_of(key: str) -> Any:
    """The type of a setting of ``Config``, without the None that it may also be."""
    kind: Any = Config
    for name in key.split("."):
        kind = kind.model_fields[name].annotation
        if get_origin(kind) in (Union, UnionType):
            kind = next(part for part in get_args(kind) if part is not NoneType)
    return kind


def _is_text(kind: Any) -> bool:
    """Whether values of that type are texts, be it any or one of a few."""
    if get_origin(kind) is Literal:
        return all(isinstance(choice, str) for choice in get_args(kind))
    return isclass(kind) and issubclass(kind, str)


def _parse_override(text: str) -> dict[str, Any]:
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not all(part.isidentifier() for part in key.split(".")):
        raise ConfigError(f"setting {text!r}: write section.key=value, for instance train.steps=40")
    if key == "profile":
        raise ConfigError(f"setting {text!r}: a profile is chosen by itself, not as a setting")
    if key not in keys_of(Config):
        hint = suggested_key(key, Config)
        raise ConfigError(f"setting {text!r}: there is no such key; {hint}")
    if not value.strip():
        raise ConfigError(
            f"setting {text!r}: there is no value; write null for none, '' for an empty text"
        )
    read = _parse_text if _is_text(_type_of(key)) else _parse_value
    parsed: Any = read(value.strip(), f"setting {text!r}")
    for part in reversed(key.split(".")):
        parsed = {part: parsed}
    return dict(parsed)
