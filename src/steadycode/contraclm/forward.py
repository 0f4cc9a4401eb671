"""One run of the trunk gives the hidden states; the head is applied where it is wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Head:
    """What a model says of hidden states [B, T, D]: nothing is computed until it is asked for."""

    _logits: Callable[[Tensor], Tensor]
    _linear: tuple[Tensor, Any] | None = None
    """The hidden states and the layer, where logits are exactly the layer of the states."""

    def logits(self, mask: Tensor) -> Tensor:
        """float32 [N, V] at the True positions of ``mask`` (bool [B, T]), in row order."""
        return self._logits(mask).float()

    def cross_entropy(self, mask: Tensor, targets: Tensor) -> Tensor:
        """-log p of ``targets`` (int64 [B, T]) summed over the True positions, float32.

        On a GPU without a matrix of logits: at 50,000 tokens a batch of 8,192 positions would
        fill gigabytes with them. On a CPU that way takes more than twice the time.
        """
        wanted = targets[mask]
        if self._linear and mask.is_cuda and len(wanted):
            hidden, layer = self._linear
            return chunked_cross_entropy(hidden[mask], layer.weight, layer.bias, wanted)
        return functional.cross_entropy(self.logits(mask), wanted, reduction="sum")


Forward = Callable[[Tensor, Tensor | None], tuple[Tensor, Head]]
"""Ids [B, T], and positions [B, T] where rows hold several sequences, each from 0 on (else None),
to the hidden states behind the final norm, [B, T, D], and the head on them."""


def single_pass(model: Any) -> Forward:
    """How to run ``model`` once and apply its head only at chosen positions.

    Where the head of the last hidden state is not exactly the model's logits (some families scale
    or cap them) the full model is run instead. Right-padded input of a causal model needs no
    attention mask, and transformers tells the sequences of a row by their positions.
    """
    trunk, head = model.get_decoder(), model.get_output_embeddings()

    def through_trunk(ids: Tensor, positions: Tensor | None) -> tuple[Tensor, Head]:
        hidden = trunk(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state
        return hidden, Head(lambda mask: head(hidden[mask]), (hidden, head))

    def through_model(ids: Tensor, positions: Tensor | None) -> tuple[Tensor, Head]:
        out = model(
            input_ids=ids, position_ids=positions, use_cache=False, output_hidden_states=True
        )
        return out.hidden_states[-1], Head(lambda mask: out.logits[mask])

    return through_trunk if _head_is_linear(model, trunk, head) else through_model


def chunked_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Tensor:
    """-log p of ``targets`` [N] given ``hidden`` [N, D], summed; never more than a few logits.

    torch's own function does not look at autocast, so operands are cast here. Nor does it keep
    float32 while it sums: in bfloat16 its sum was 0.7 % off for 2,000 tokens, its mean 3 %. So it
    is asked for each token's loss, and the sum is ours; the head then runs once more backwards.
    """
    dtype = weight.dtype
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
    losses = functional.linear_cross_entropy(
        hidden.to(dtype),
        weight.to(dtype),
        targets,
        linear_bias=None if bias is None else bias.to(dtype),
        reduction="none",
        options=torch.nn.LinearCrossEntropyOptions(),
    )
    return losses.float().sum()


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
