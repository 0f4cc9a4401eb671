"""Writes and reads trained models and the state of a training under way.

A model is a folder with safetensors, config and tokenizer; a state is a folder with all that the
next training step depends on. Either folder is there whole or not at all.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steadycode.errors import ModelError
from steadycode.files import replacing_folder
from steadycode.records import read_record, write_record

STATE_SCHEMA = 2


@dataclass(frozen=True)
class _State:
    """What stands beside the tensors of a training under way."""

    step: int


_FLOATING = {"F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.half}


def save(model: Any, tokenizer: Any, folder: Path, dtype: torch.dtype) -> list[Path]:
    """Write model and tokenizer as ``folder`` and return its files.

    The model's parameters are converted to ``dtype`` in place. A folder that is already there is
    replaced. Raises OSError when there is no space; ``folder`` is then as it was.
    """
    for weight in model.parameters():  # not model.to(): that rounds rotary frequencies too
        weight.data = weight.data.to(dtype)
    with replacing_folder(folder) as temporary, _system_errors():
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def save_state(model: Any, optimizer: torch.optim.Optimizer, step: int, folder: Path) -> None:
    """Write what all steps after ``step`` depend on: trained weights and the optimiser's state.

    Tensors are written from where they lie, so that memory never holds a copy of them all. Raises
    OSError when there is no space; ``folder`` is then as it was.
    """
    from safetensors.torch import save_file

    names: dict[Tensor, str] = {p: name for name, p in _trained(model).items()}
    tensors: dict[str, Tensor] = {}
    for parameter, name in names.items():
        tensors[f"weights/{name}"] = parameter.detach()
    for owner, state in optimizer.state.items():
        for key, value in state.items():
            tensors[f"optimizer/{key}/{names[owner]}"] = value
    with replacing_folder(folder) as temporary, _system_errors():
        save_file(tensors, temporary / "state.safetensors")
        write_record(temporary / "state.json", _State(step), STATE_SCHEMA)


def load_state(model: Any, optimizer: torch.optim.Optimizer, folder: Path) -> int:
    """Load what ``save_state`` wrote into ``model`` and ``optimizer``, and return its step. Raises
    ModelError when ``folder`` does not hold a state of this model's training."""
    from safetensors import SafetensorError

    try:
        remedy = f"remove {folder} to train from the start"
        state = read_record(folder / "state.json", _State, STATE_SCHEMA, ModelError, remedy)
        _put_back(model, optimizer, folder / "state.safetensors")
        return state.step
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{folder} is no state to continue from ({reason}); remove it to train from the start"
        ) from error


def _put_back(model: Any, optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Copy the file's tensors into model and optimiser, so that memory lies as without a stop.

    The file is opened anew for each group, since what was read of it stays mapped until then.
    """
    from safetensors import safe_open

    parameters = _trained(model)
    with safe_open(path, framework="pt") as tensors:
        names = sorted(tensors.keys())
    groups = {group: list(found) for group, found in groupby(names, lambda n: n.rpartition("/")[0])}
    if groups.get("weights") != sorted(f"weights/{name}" for name in parameters):
        raise ValueError("its weights are not those of this model")
    for group, members in groups.items():
        with safe_open(path, framework="pt") as tensors, torch.no_grad():
            for name in members:
                value, owner = tensors.get_tensor(name), name.rpartition("/")[2]
                if group == "weights":
                    parameters[owner].copy_(value)
                else:
                    place, key = parameters[owner], group.removeprefix("optimizer/")
                    optimizer.state[place][key] = value.to(place.device, copy=True)


def _trained(model: Any) -> dict[str, torch.nn.Parameter]:
    """The trained parameters by name: tied ones are there once, frozen ones not at all."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@contextmanager
def _system_errors() -> Iterator[None]:
    """Turn an error of the system, which safetensors tells in words alone, into an OSError."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if code := re.search(r"os error (\d+)", str(error)):
            raise OSError(int(code[1]), str(error)) from error
        raise


def stored_dtype(folder: Path) -> torch.dtype:
    """The dtype of the weights in ``folder``: that of its first floating-point tensor, by name.

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
