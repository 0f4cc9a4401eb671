"""One run of the trunk gives the hidden states; the head is applied where it is wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from steadycode.models.head_loss import (
    SoftmaxCrossEntropy,
    linear_cross_entropy,
    softmax_cross_entropy,
)


@dataclass(frozen=True, slots=True)
class Head:
    """What a model says of hidden states [B, T, D]: nothing is computed until it is asked for.

    Positions are int64 [N], numbered through the rows: b * T + t.
    """

    _logits: Callable[[Tensor], Tensor]
    _linear: tuple[Tensor, Any] | None = None
    """The hidden states and the layer, where logits are exactly the layer of the states."""
    _from_logits: SoftmaxCrossEntropy = softmax_cross_entropy

    def logits(self, positions: Tensor) -> Tensor:
        """float32 [N, V]"""
        return self._logits(positions).float()

    def cross_entropy(self, positions: Tensor, targets: Tensor) -> Tensor:
        """-log p of ``targets`` (int64 [B, T]) summed over the positions, float32."""
        wanted = targets.flatten()[positions]
        if self._linear:
            hidden, layer = self._linear
            states = hidden.flatten(0, 1)[positions]
            return linear_cross_entropy(states, layer.weight, layer.bias, wanted, self._from_logits)
        return functional.cross_entropy(self.logits(positions), wanted, reduction="sum")


Forward = Callable[[Tensor, Tensor | None], tuple[Tensor, Head]]
"""Ids [B, T], and positions [B, T] where rows hold several sequences, each from 0 on (else None),
to the hidden states behind the final norm, [B, T, D], and the head on them."""


def single_pass(model: Any, *, compiled: bool = False) -> Forward:
    """How to run ``model`` once and apply its head only at chosen positions; ``compiled``: with
    the softmax of its cross-entropy as one kernel.

    Where the head of the last hidden state is not exactly the model's logits (some families scale
    or cap them) the full model is run instead. Right-padded input of a causal model needs no
    attention mask, and transformers tells the sequences of a row by their positions.
    """
    trunk, head = model.get_decoder(), model.get_output_embeddings()
    over = torch.compile(softmax_cross_entropy) if compiled else softmax_cross_entropy

    def through_trunk(ids: Tensor, positions: Tensor | None) -> tuple[Tensor, Head]:
        hidden = trunk(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state
        return hidden, Head(lambda at: head(hidden.flatten(0, 1)[at]), (hidden, head), over)

    def through_model(ids: Tensor, positions: Tensor | None) -> tuple[Tensor, Head]:
        out = model(
            input_ids=ids, position_ids=positions, use_cache=False, output_hidden_states=True
        )
        return out.hidden_states[-1], Head(lambda at: out.logits.flatten(0, 1)[at])

    return through_trunk if _head_is_linear(model, trunk, head) else through_model


def _head_is_linear(model: Any, trunk: Any, head: Any) -> bool:
    if trunk is None or trunk is model or not isinstance(head, torch.nn.Linear):
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
