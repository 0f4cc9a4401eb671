"""One pass through the trunk gives both the hidden states and, where wanted, the logits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

LogitsAt = Callable[[Tensor], Tensor]
"""A bool mask [B, T] to the float32 logits [N, V] of its True positions, in row order."""
Forward = Callable[[Tensor], tuple[Tensor, LogitsAt]]
"""Ids [B, T] to the hidden states behind the final norm, [B, T, D], and their logits."""


def single_pass(model: Any) -> Forward:
    """How to run ``model`` once and apply its head only at chosen positions.

    Where the head of the last hidden state is not exactly the model's logits (some families scale
    or cap them) the full model is run instead. Right-padded input of a causal model needs no
    attention mask.
    """
    trunk, head = model.get_decoder(), model.get_output_embeddings()

    def through_trunk(ids: Tensor) -> tuple[Tensor, LogitsAt]:
        hidden = trunk(input_ids=ids, use_cache=False).last_hidden_state
        return hidden, lambda mask: head(hidden[mask]).float()

    def through_model(ids: Tensor) -> tuple[Tensor, LogitsAt]:
        out = model(input_ids=ids, use_cache=False, output_hidden_states=True)
        return out.hidden_states[-1], lambda mask: out.logits[mask].float()

    return through_trunk if _head_is_linear(model, trunk, head) else through_model


def _head_is_linear(model: Any, trunk: Any, head: Any) -> bool:
    if trunk is None or trunk is model or head is None:
        return False
    ids = torch.arange(8, device=model.device).remainder(model.config.vocab_size)[None]
    with evaluating(model):
        logits = model(input_ids=ids, use_cache=False).logits
        hidden = trunk(input_ids=ids, use_cache=False).last_hidden_state
        return torch.equal(head(hidden), logits)


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Without gradients and dropout; the model's mode is put back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
