"""Low-rank adapters (LoRA, Hu et al. 2021) by peft, only while training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from steadycode.config import LoraConfig
from steadycode.errors import ConfigError


@contextmanager
def adapters(model: Any, settings: LoraConfig | None) -> Iterator[None]:
    """Only adapters on every linear layer but the head are trained within; they are merged behind.

    ``model`` is changed in place and is a plain model again afterwards. Draws the adapters from
    torch's global generator. Without ``settings`` nothing happens. Raises ConfigError when peft is
    not installed.
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
    adapted = peft.get_peft_model(model, config)
    yield
    adapted.merge_and_unload()
    model.requires_grad_(True)
    if hasattr(model, "peft_config"):
        del model.peft_config
