"""Low-rank adapters (LoRA, Hu et al. 2021), which peft adds to a model while it is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from steadycode.config import LoraConfig
from steadycode.errors import ConfigError
from steadycode.models.forward import evaluating


@contextmanager
def adapters(model: Any, settings: LoraConfig | None) -> Iterator[None]:
    """Inside the block only adapters are trained, one on every linear layer but the head.

    At the end of the block the adapters are merged into the weights, so that ``model``, which is
    changed in place, is a plain model again. The adapters' first values come from torch's global
    generator. When ``settings`` is None nothing is changed. Raises ConfigError when peft is not
    installed or can add nothing to such a model.
    """
    if settings is None:
        yield
        return
    try:
        import peft
    except ImportError as error:
        raise ConfigError(
            "train.lora needs the package peft; run pip install 'steadycode[lora]',"
            " or remove train.lora"
        ) from error

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
    )
    try:
        adapted = peft.get_peft_model(model, config)
        with evaluating(model):  # some families' own code cannot call a layer that is wrapped
            model(input_ids=torch.zeros(1, 2, dtype=torch.int64, device=model.device))
    except Exception as error:  # of whatever kind: peft does not know the model's layers
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"a {model.config.model_type} model takes no adapters ({reason}); remove train.lora"
        ) from error
    yield
    adapted.merge_and_unload()
    model.requires_grad_(True)
    if hasattr(model, "peft_config"):
        del model.peft_config
