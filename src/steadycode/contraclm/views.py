"""Makes two views of the same hidden states, which the contrastive terms compare."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from steadycode.errors import ConfigError


def functional_dropout_views(hidden: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Apply dropout to ``hidden`` [B, L, D] twice, independently, whatever mode the model is in.

    So one forward pass serves both views, and the model needs no dropout of its own (most code
    models have none). The two views of a vector have cosine 1 - p on average. Random draws come
    from torch's global generator. Raises ConfigError unless 0 < p < 1.
    """
    if not 0 < p < 1:
        raise ConfigError(
            f"train.dropout is {p}: the two views would be the same or empty;"
            " set it between 0 and 1, for instance train.dropout=0.1"
        )
    return functional.dropout(hidden, p), functional.dropout(hidden, p)


def check_views_differ(view1: Tensor, view2: Tensor, mask: Tensor) -> None:
    """Raise ConfigError when the views are equal at every position that ``mask`` [B, L] marks. The
    contrastive loss of equal views looks healthy and teaches nothing."""
    if mask.any() and torch.equal(view1[mask], view2[mask]):
        raise ConfigError(
            "the two views of the contrastive loss are equal, so it would teach nothing: the model"
            " has no dropout in effect; set train.views=functional and train.dropout above 0, or"
            " train.mode=mle to train without contrastive terms"
        )


def set_dropout(model: Any, p: float, last_blocks: int | None = None) -> None:
    """Set the dropout probability of the whole trunk to ``p``.

    With ``last_blocks``, only that many blocks at the end get ``p`` and all others 0. A model
    reads its config only while it is built, so this changes what it has read: dropout modules, and
    the probabilities that attention keeps as plain numbers. They take effect in training mode.
    Raises ConfigError when there are fewer blocks, or no dropout where it was asked for.
    """
    trunk = model.get_decoder()
    every = blocks(model)
    if last_blocks is None:
        chosen: list[nn.Module] = [trunk]
    elif last_blocks <= len(every):
        chosen = list(every)[-last_blocks:]
        _set(trunk, 0.0)
    else:
        raise ConfigError(
            f"train.dropout_layers is {last_blocks}, but the model has {len(every)} blocks;"
            " lower it"
        )
    if not sum(_set(module, p) for module in chosen):
        raise ConfigError(
            "the model has no dropout of its own that could make two views;"
            " set train.views=functional"
        )


def blocks(model: Any) -> nn.ModuleList:
    """The trunk's transformer blocks: the longest list of modules directly below it. Raises
    ConfigError when there is no such list."""
    lists = [child for child in model.get_decoder().children() if isinstance(child, nn.ModuleList)]
    if not lists:
        raise ConfigError("the model keeps its blocks in no list; set train.views=functional")
    return max(lists, key=len)


def _set(module: nn.Module, p: float) -> int:
    """Write ``p`` wherever ``module`` holds a dropout probability; return how many places do."""
    places = 0
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = p
            places += 1
        for name, value in vars(part).items():
            if isinstance(value, float) and ("dropout" in name or name.endswith("pdrop")):
                setattr(part, name, p)
                places += 1
    return places
