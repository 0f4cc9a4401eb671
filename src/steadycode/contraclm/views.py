"""Two views of the same hidden states: what the contrastive terms compare."""

import torch
from torch import Tensor
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
            "the two views of the contrastive loss are equal; set train.dropout above 0,"
            " or train.mode=mle to train without contrastive terms"
        )
