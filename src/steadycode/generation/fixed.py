"""A decode step whose shapes do not change, which a GPU records once and replays.

A small model's step is a thousand kernels of a few microseconds each: launched one by one, they
keep a GPU waiting for most of the time.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

_SAME = 0.05
"""Largest difference between two ways to compute logits in bfloat16, to the largest logit."""


class FixedStep:
    """One token for every slot of ``layers``, over all of their columns, whether in use or not."""

    def __init__(self, model: Any, layers: Sequence[Any], device: str) -> None:
        self._model, self._layers = model, layers
        slots, _, self._capacity, _ = layers[0].buffers[0].shape
        self._tokens, self._lengths = torch.zeros(2, slots, 1, dtype=torch.int64, device=device)
        self.column = torch.zeros(1, dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._logits: Tensor | None = None

    def __call__(self, tokens: Sequence[int], lengths: Sequence[int], column: int) -> Tensor:
        """The logits behind ``tokens``, [rows, vocabulary], which are written at ``column``;
        ``lengths`` as they are held of each row. Valid until the next call."""
        rows = len(tokens)
        self._tokens[:rows, 0] = torch.tensor(tokens)
        self._lengths.zero_()
        self._lengths[:rows, 0] = torch.tensor(lengths)
        self.column.fill_(column)
        for layer in self._layers:
            layer.column = self.column
        try:
            return self._run()[:rows]
        finally:
            for layer in self._layers:
                layer.column = None

    def _run(self) -> Tensor:
        if not self._tokens.is_cuda:
            return self._forward()
        if self._graph is None:
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                self._forward()  # libraries set themselves up in their first call
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._logits = self._forward()
        self._graph.replay()
        assert self._logits is not None
        return self._logits

    def _forward(self) -> Tensor:
        columns = torch.arange(self._capacity, device=self.column.device)
        seen = (columns <= self.column) & (columns >= self.column - self._lengths)
        hidden = torch.finfo(self._model.dtype).min
        mask = torch.zeros(seen.shape, dtype=self._model.dtype, device=seen.device)
        output = self._model(
            input_ids=self._tokens,
            attention_mask=mask.masked_fill(~seen, hidden)[:, None, None],
            position_ids=self._lengths,
            past_key_values=Cache(layers=list(self._layers)),
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits


def agree(one: Tensor, other: Tensor) -> bool:
    """Whether two ways to compute the same logits did: not every model takes a ready-made mask."""
    largest = (one.float() - other.float()).abs().max()
    return bool(largest <= _SAME * other.float().abs().max())
