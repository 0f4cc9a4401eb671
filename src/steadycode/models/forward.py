"""Runs a model's trunk once for the hidden states, and its head only where it is wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from steadycode.errors import ConfigError
from steadycode.models.head_loss import (
    SoftmaxCrossEntropy,
    linear_cross_entropy,
    softmax_cross_entropy,
)
from steadycode.models.windows import window


@dataclass(frozen=True, slots=True)
class Head:
    """A model's head on its hidden states [B, T, D]; it computes only what it is asked for.
    Positions are int64 [N], numbered through the rows: b * T + t."""

    _logits: Callable[[Tensor], Tensor]
    _linear: tuple[Tensor, Any] | None = None
    """The hidden states and the output layer; None when logits are not exactly that layer's."""
    _from_logits: SoftmaxCrossEntropy = softmax_cross_entropy

    def logits(self, positions: Tensor) -> Tensor:
        """The logits at the positions, float32 [N, V]."""
        return self._logits(positions).float()

    def cross_entropy(self, positions: Tensor, targets: Tensor) -> Tensor:
        """The sum of -log p over the positions' ``targets`` (int64 [B, T]), in float32."""
        wanted = targets.flatten()[positions]
        if self._linear:
            hidden, layer = self._linear
            states = hidden.flatten(0, 1)[positions]
            return linear_cross_entropy(states, layer.weight, layer.bias, wanted, self._from_logits)
        return functional.cross_entropy(self.logits(positions), wanted, reduction="sum")


Forward = Callable[[Tensor, Tensor | None], tuple[Tensor, Head]]
"""Called with ids [B, T] and, when rows hold several sequences, the position of each id in its
sequence [B, T] (otherwise None); returns the hidden states after the final norm, [B, T, D], and
the head on them."""


def single_pass(model: Any, *, compiled: bool = False) -> Forward:
    """A function that runs ``model`` once and applies its head only at chosen positions.

    Some families scale or cap what the head gives; then the full model is run instead. Causal
    models need no attention mask for right-padded input, and transformers tells the sequences of a
    row by their positions. ``compiled`` makes the softmax of the cross-entropy one kernel. The
    function raises ConfigError for rows that are longer than the model can read.
    """
    trunk, head = model.get_decoder(), model.get_output_embeddings()
    longest = window(model)
    over = torch.compile(softmax_cross_entropy) if compiled else softmax_cross_entropy

    def through_trunk(ids: Tensor, positions: Tensor | None) -> tuple[Tensor, Head]:
        _check_length(ids, longest)
        hidden = trunk(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state
        return hidden, Head(lambda at: head(hidden.flatten(0, 1)[at]), (hidden, head), over)

    def through_model(ids: Tensor, positions: Tensor | None) -> tuple[Tensor, Head]:
        _check_length(ids, longest)
        out = model(
            input_ids=ids, position_ids=positions, use_cache=False, output_hidden_states=True
        )
        return out.hidden_states[-1], Head(lambda at: out.logits.flatten(0, 1)[at])

    return through_trunk if _head_is_linear(model, trunk, head) else through_model


def _check_length(ids: Tensor, longest: float) -> None:
    if ids.shape[1] > longest:
        raise ConfigError(
            f"{ids.shape[1]} tokens are to be read at once, and the model reads at most {longest};"
            " ask for fewer"
        )


def _head_is_linear(model: Any, trunk: Any, head: Any) -> bool:
    """Whether the model's logits are, bit for bit, the head of the trunk's hidden states."""
    if trunk is None or trunk is model or not isinstance(head, torch.nn.Linear):
        return False
    ids = torch.arange(8, device=model.device).remainder(model.config.vocab_size)[None]
    with evaluating(model):
        logits = model(input_ids=ids, use_cache=False).logits
        try:
            hidden = trunk(input_ids=ids, use_cache=False).last_hidden_state
            return torch.equal(head(hidden), logits)
        except Exception:  # some families name another module so, or put layers between the two
            return False


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """A context without gradients and dropout; the model's mode is put back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
