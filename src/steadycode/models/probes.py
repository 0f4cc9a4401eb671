"""Asks a model in memory, with a few tokens, whether it is what training and evaluation need."""

from typing import Any

import torch
from torch import Tensor

from steadycode.errors import ConfigError, ModelError
from steadycode.models.forward import evaluating, single_pass

_TOKENS = 12  # of each sequence
_EXACT, _ROUNDED = 1e-3, 5e-2
"""Differences up to which vectors count as equal, to their length, in float32 and below: which
kernel adds them up depends on the shapes."""
_MOVED = 1e-5
"""The same between batches of one shape, in float32."""


def check_causal(model: Any, name: str) -> None:
    """Raise ModelError when what ``model`` says at a position depends on later tokens: its loss
    would look excellent, and it could not write. ``name`` stands for the model in the message."""
    first, second, third = _sequences(model)
    with evaluating(model):
        ids = torch.cat([torch.cat([first, second], 1), torch.cat([first, third], 1)])
        logits = model(input_ids=ids, use_cache=False).logits[:, :_TOKENS].float()
    limit = _EXACT if model.dtype == torch.float32 else _ROUNDED
    if _distance(logits[0], logits[1]) > limit:
        raise ModelError(
            f"{name} is no causal language model: what it says at a position depends on later"
            " tokens (an encoder, or a decoder without is_decoder in its config.json); name"
            " another model"
        )


def check_packing(model: Any) -> None:
    """Raise ConfigError when sequences that share a row are not, to ``model``, what they are
    alone: another one's tokens reach them, or their positions do not begin anew."""
    first, second, third = _sequences(model)
    forward = single_pass(model)
    positions = torch.arange(_TOKENS, device=first.device).repeat(2)[None]
    with evaluating(model):
        alone = forward(second, None)[0][0]
        try:
            beside, elsewhere = (
                forward(torch.cat([other, second], 1), positions)[0][0, _TOKENS:]
                for other in (first, third)
            )
        except Exception:  # of whatever kind: the model takes no positions
            mixed = True
        else:
            mixed = _distance(beside, elsewhere) > _MOVED or _distance(beside, alone) > _EXACT
    if mixed:
        raise ConfigError(
            f"train.packing puts several sequences into one row, and a {model.config.model_type}"
            " model mixes them; set train.packing=false"
        )


def _sequences(model: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Three of random ids, int64 [1, tokens] each; the same ones each time."""
    rows = model.get_input_embeddings().num_embeddings
    drawn = torch.randint(rows, (3, 1, _TOKENS), generator=torch.Generator().manual_seed(0))
    first, second, third = drawn.to(model.device)
    return first, second, third


def _distance(one: Tensor, other: Tensor) -> float:
    """Of two lists of vectors [N, D], the largest distance, to the vector's length."""
    apart = (one.float() - other.float()).norm(dim=-1)
    return float((apart / other.float().norm(dim=-1)).max())
