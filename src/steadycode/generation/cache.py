"""Keys and values of a batch whose rows come and go while it is decoded.

transformers' own cache copies itself whole at every token, and keeps finished rows. Here a token is
written in place, a finished row's slot is taken by the next prompt, and the columns of all rows end
together (padding is on the left), so that one forward pass serves rows of any age.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

_SPARE = 64  # columns allocated ahead

Read = Sequence[tuple[Tensor, Tensor]]
"""Keys and values of one prompt, each [1, heads, tokens, size], layer by layer."""


class _Layer(DynamicLayer):  # type: ignore[misc]
    """Buffers of shape [slots, heads, capacity, size]; ``keys`` and ``values`` are views."""

    def __init__(self, slots: int, like: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.lazy_initialization(*like)
        self.buffers = [
            states.new_zeros((slots, states.shape[1], 0, states.shape[-1])) for states in like
        ]
        self.show(0, 0)

    def show(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.keys, self.values = (buffer[:rows, :, :columns] for buffer in self.buffers)

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        start, end = self.columns, self.columns + keys.shape[-2]
        for buffer, states in zip(self.buffers, (keys, values), strict=True):
            buffer[: self.rows, :, start:end] = states
        self.show(self.rows, end)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self.columns


class BatchCache:
    """Rows of different lengths, numbered from 0 without gaps."""

    def __init__(self) -> None:
        self._slots = 8
        self._capacity = 0
        self._columns = 0
        self._layers: list[_Layer] = []
        self.lengths: list[int] = []  # tokens held of each row

    @torch.inference_mode()
    def insert(self, read: Read) -> None:
        """Append a row."""
        length = read[0][0].shape[-2]
        if not self._layers:
            self._layers = [_Layer(self._slots, states) for states in read]
        if not self.lengths:
            self._columns = min(length, self._capacity)
        if len(self.lengths) == self._slots:
            self._slots *= 2
            self._realign(max(length, *self.lengths))
        elif length > self._columns:
            self._realign(length)
        row = len(self.lengths)
        start = self._columns - length
        for layer, pair in zip(self._layers, read, strict=True):
            for buffer, states in zip(layer.buffers, pair, strict=True):
                buffer[row, :, start : self._columns] = states[0]
        self.lengths.append(length)

    @torch.inference_mode()
    def remove(self, row: int) -> None:
        """The last row takes this row's number."""
        last = len(self.lengths) - 1
        if row != last:
            for layer in self._layers:
                for buffer in layer.buffers:
                    buffer[row, :, : self._columns] = buffer[last, :, : self._columns]
        self.lengths[row] = self.lengths[last]
        self.lengths.pop()

    def step(self, model: Any, tokens: list[int], device: str) -> Tensor:
        """One token for every row; the logits that follow, [rows, vocabulary]."""
        if self._columns == self._capacity:
            self._realign(max(self.lengths))
        for layer in self._layers:
            layer.show(len(self.lengths), self._columns)
        lengths = torch.tensor(self.lengths, device=device)[:, None]
        columns = torch.arange(self._columns + 1, device=device)
        output = model(
            input_ids=torch.tensor(tokens, device=device)[:, None],
            attention_mask=(columns >= self._columns - lengths).long(),
            position_ids=lengths,
            past_key_values=Cache(layers=list(self._layers)),
            use_cache=True,
            logits_to_keep=1,
        )
        self._columns += 1
        self.lengths = [length + 1 for length in self.lengths]
        logits: Tensor = output.logits[:, -1]
        return logits

    def _realign(self, columns: int) -> None:
        """New buffers in which every row ends at ``columns``, with room to grow."""
        taken = min(columns, self._columns)
        rows = len(self.lengths)
        for layer in self._layers:
            for number, old in enumerate(layer.buffers):
                _, heads, _, size = old.shape
                new = old.new_zeros((self._slots, heads, columns + _SPARE, size))
                new[:rows, :, columns - taken : columns] = old[
                    :rows, :, self._columns - taken : self._columns
                ]
                layer.buffers[number] = new
        self._columns, self._capacity = columns, columns + _SPARE
