"""Checks, identifies and loads a folder that holds a model."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steadycode.errors import ModelError
from steadycode.files import sha256_file, sha256_json

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "bf16", "fp32"]

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
_TEMPLATES = ("chat_template*", "additional_chat_templates/*")
_EARLIER_IDENTITY = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)
_IDENTITY = (*_EARLIER_IDENTITY, *_TEMPLATES, "adapter_config.json")
_ISA_LIMITS = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE"),
    *("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR"),
)
"""What keeps the libraries below torch from instructions that the processor has."""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageModel:
    """A causal language model in memory, in evaluation mode, and the tokenizer saved beside it;
    both are objects of transformers."""

    model: Any
    tokenizer: Any
    device: str
    fingerprint: str


def check_folder(folder: Path) -> Path:
    """Return ``folder`` if it looks like a model. Raises ModelError naming what is missing."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; name one that holds a saved model")
    missing = [
        what
        for what, there in (
            ("config.json", (folder / "config.json").is_file()),
            ("*.safetensors", any(_weights(folder))),
            ("tokenizer.json", any((folder / name).is_file() for name in _TOKENIZER_FILES)),
        )
        if not there
    ]
    if missing and (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"{folder} holds adapters (adapter_config.json), no model of its own; merge them into"
            " their base model with peft's merge_and_unload, and save that with save_pretrained"
        )
    if (pickled := _pickled(folder)) and "*.safetensors" in missing:
        raise ModelError(
            f"{folder} holds no *.safetensors, and pickled weights ({pickled}) are not read, since"
            f" reading them may run any code; {conversion(str(folder))}"
        )
    if missing:
        raise ModelError(
            f"{folder} holds no {' and no '.join(missing)}; save the model there with "
            "save_pretrained (safetensors) and its tokenizer beside it"
        )
    return folder


def _weights(folder: Path) -> Iterator[Path]:
    """The files of a whole model's weights."""
    return (at for at in folder.glob("*.safetensors") if not at.name.startswith("adapter_"))


def conversion(spec: str) -> str:
    """What to do about the model ``spec``, of which there are pickled weights only."""
    return (
        'if you trust it, convert it once: python -c "from transformers import AutoModelForCausalLM'
        f" as M, AutoTokenizer as T; [k.from_pretrained('{spec}').save_pretrained('FOLDER') for k"
        ' in (M, T)]", and name FOLDER'
    )


def _pickled(folder: Path) -> str:
    """The name of a file of weights that are not safetensors; empty without one."""
    return next((path.name for path in sorted(folder.glob("*.bin"))), "")


def fingerprint(folder: Path) -> str:
    """The sha256 of the names and contents of weights, configuration, tokenizer files and chat
    templates.

    Paths, times and other files in the folder do not matter. Raises ModelError when the folder
    holds no model.
    """
    check_folder(folder)
    return _hash(folder, _IDENTITY)


def earlier_fingerprint(folder: Path) -> str:
    """The fingerprint that earlier releases tagged registered versions with, which left out files
    that hold nothing but chat templates."""
    return _hash(folder, _EARLIER_IDENTITY)


def _hash(folder: Path, patterns: tuple[str, ...]) -> str:
    files = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def load(
    folder: Path, dtype: "str | torch.dtype", device: str = "cpu", **options: Any
) -> LanguageModel:
    """Load the model in ``folder``; ``options`` are passed to ``from_pretrained``.

    Only safetensors are read, and no code from the folder is run. Raises ModelError when anything
    is missing, damaged or does not fit the configuration, and when the model is not causal.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from steadycode.models.probes import check_causal

    logging.disable_progress_bar()  # stages report their own progress
    identity = fingerprint(folder)
    try:
        model, notes = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=_torch_dtype(dtype),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except ModelError:
        raise
    except Exception as error:  # transformers and safetensors each raise their own
        raise ModelError(f"{folder} cannot be loaded as a model: {_reason(error)}") from error
    tokenizer = load_tokenizer(folder)
    for kind in ("missing_keys", "mismatched_keys"):
        if notes.get(kind):
            first = sorted(str(key) for key in notes[kind])[0]
            raise ModelError(
                f"{folder}: the weights do not fit config.json "
                f"({len(notes[kind])} {kind.replace('_', ' ')}, e.g. {first}); save it again"
            )
    _check_ids(model, tokenizer, folder)
    model = model.to(device).eval()
    check_causal(model, str(folder))
    return LanguageModel(model, tokenizer, device, identity)


def _check_ids(model: Any, tokenizer: Any, folder: Path) -> None:
    """Raise ModelError when the tokenizer has ids for which the model has no vector."""
    rows = model.get_input_embeddings().num_embeddings
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise ModelError(
            f"{folder}: the tokenizer has ids up to {highest}, the model only {rows} vectors: they"
            " do not belong together; save the tokenizer that the model was trained with"
        )


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer saved in ``folder``, of transformers. Raises ModelError when it is damaged."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # transformers and tokenizers each raise their own
        raise ModelError(f"{folder} cannot be loaded as a model: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def pick_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def device_class(device: str) -> str:
    """The kind of GPU, or a CPU's number of threads and the instructions that are used of it: they
    decide the last bits of a sum, and so a few texts in bf16."""
    import torch

    if device == "cpu":
        return f"cpu, {torch.get_num_threads()} threads, {_instructions()}"
    return torch.cuda.get_device_name() if device.startswith("cuda") else device


def _instructions() -> str:
    """The level of torch's kernels, the units for matrices and bf16, and what the environment
    forbids the libraries below torch."""
    import torch

    level = torch.backends.cpu.get_cpu_capability()
    units = [
        name
        for name, has in sorted(torch.cpu.get_capabilities().items())
        if has and ("bf16" in name or "amx" in name)
    ]
    limits = [f"{name}={os.environ[name]}" for name in _ISA_LIMITS if name in os.environ]
    return " ".join([level, *units, *limits])


def pick_dtype(precision: Precision, device: str) -> "torch.dtype":
    """The dtype of ``precision``; "auto" is bfloat16 if ``device`` has that natively."""
    import torch

    if precision == "auto":
        precision = "bf16" if _has_bf16(device) else "fp32"
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]


def _has_bf16(device: str) -> bool:
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        return any(has for name, has in torch.cpu.get_capabilities().items() if "bf16" in name)
    return False


def _torch_dtype(dtype: "str | torch.dtype") -> "torch.dtype":
    import torch

    named = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(named, torch.dtype):
        raise ModelError(f"{dtype!r} is not a dtype; use bfloat16 or float32")
    return named
