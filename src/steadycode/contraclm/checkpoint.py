"""A trained model as a folder: safetensors, config and tokenizer, whole or not at all."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from steadycode.errors import ModelError

_FLOATING = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.half}


def save(model: Any, tokenizer: Any, folder: Path, dtype: torch.dtype) -> list[Path]:
    """Write model and tokenizer as ``folder`` and return its files.

    The model's parameters are converted to ``dtype`` in place. A folder that is already there is
    replaced.
    """
    for parameter in model.parameters():  # not model.to(): that rounds rotary frequencies too
        parameter.data = parameter.data.to(dtype)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        temporary.chmod(0o755)
        for path in temporary.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def stored_dtype(folder: Path) -> torch.dtype:
    """The dtype of the weights in ``folder``: of its first floating tensor, in name order.

    Raises ModelError when no safetensors file there holds one.
    """
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as tensors:
                for name in sorted(tensors.keys()):
                    dtype = _FLOATING.get(tensors.get_slice(name).get_dtype())
                    if dtype is not None:
                        return dtype
        except SafetensorError as error:
            raise ModelError(f"{path} is not a safetensors file: {error}") from error
    raise ModelError(f"{folder} holds no safetensors weights; save the model as safetensors first")
