"""Two views of the same hidden states: what the contrastive terms compare."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from steadycode.errors import ConfigError


def functional_dropout_views(hidden: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Two independent dropouts of ``hidden`` [B, L, D], whatever mode the model is in.

    One forward pass serves both views, and the model needs no dropout of its own (most code
    models have none). A pair of views of one vector has cosine 1 - p on average. Draws from
    torch's global generator. Raises ConfigError unless 0 < p < 1.
    """
    if not 0 < p < 1:
        raise ConfigError(
            f"train.dropout is {p}: the two views would be the same or empty;"
            " set it between 0 and 1, for instance train.dropout=0.1"
        )
    return functional.dropout(hidden, p), functional.dropout(hidden, p)


def check_views_differ(view1: Tensor, view2: Tensor, mask: Tensor) -> None:
    """Raises ConfigError when the views are equal at every valid position (``mask``, [B, L]).

    The contrastive loss of equal views looks healthy and teaches nothing.
    """
    if mask.any() and torch.equal(view1[mask], view2[mask]):
        raise ConfigError(
            "the two views of the contrastive loss are equal, so it would teach nothing: the model"
            " has no dropout in effect; set train.views=functional and train.dropout above 0, or"
            " train.mode=mle to train without contrastive terms"
        )


def set_dropout(model: Any, p: float, last_blocks: int | None = None) -> None:
    """Give every dropout of the trunk probability ``p``, or those of its last blocks, the rest 0.

    A model reads its config only while it is built, so what it read then is changed: modules, and
    the probabilities that attention keeps as plain numbers. Takes effect in training mode. Raises
    ConfigError when there are fewer blocks, or no dropout among those that were asked for.
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
    """The trunk's transformer blocks: the longest list of modules right below it."""
    lists = [child for child in model.get_decoder().children() if isinstance(child, nn.ModuleList)]
    if not lists:
        raise ConfigError("the model keeps its blocks in no list; set train.views=functional")
    return max(lists, key=len)


def _set(module: nn.Module, p: float) -> int:
    """How many places below ``module`` hold a dropout probability; they all hold ``p`` now."""
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
