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

from steadycode.generation.fixed import FixedStep, agree

_SPARE = 32  # columns allocated ahead, which every step computes
_SPARE_FIXED = 256  # each time they are used up, a step is recorded anew
_SLACK = 32  # columns without a token in any row, at most, where fewer are faster

KeysAndValues = Sequence[tuple[Tensor, Tensor]]
"""Keys and values of one prompt, each [1, heads, tokens, size], layer by layer."""


class _Layer(DynamicLayer):  # type: ignore[misc]
    """Buffers of shape [slots, heads, capacity, size]; ``keys`` and ``values`` are their first
    rows with all columns, written or not: what ends before the capacity does is copied whole by
    torch's products of matrices."""

    def __init__(self, slots: int, like: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.lazy_initialization(*like)
        self.buffers = [
            states.new_zeros((slots, states.shape[1], 0, states.shape[-1])) for states in like
        ]
        self.column: Tensor | None = None  # where a ``FixedStep`` writes
        self.show(0, 0)

    def show(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.keys, self.values = (buffer[:rows] for buffer in self.buffers)

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if self.column is not None:
            for buffer, states in zip(self.buffers, (keys, values), strict=True):
                buffer.index_copy_(2, self.column, states)
            return self.buffers[0], self.buffers[1]
        start, end = self.columns, self.columns + keys.shape[-2]
        for buffer, states in zip(self.buffers, (keys, values), strict=True):
            buffer[: self.rows, :, start:end] = states
        self.show(self.rows, end)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self.columns

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.keys.shape[-2], 0


def fixed_shapes(device: str) -> bool:
    """Whether it is faster to compute more, always as much, than to launch it anew each time."""
    return device.startswith("cuda")


class BatchCache:
    """Rows of different lengths, numbered from 0 without gaps; buffers for ``slots`` of them, and
    for as many as ``most`` when they are needed.

    A step computes what is held, or where shapes are to be fixed, all of ``slots``; the model's
    first fixed step is compared with an ordinary one, and where it says something else there is
    none after it.
    """

    def __init__(self, model: Any, device: str, slots: int, most: int) -> None:
        self._model, self._device = model, device
        self._slots, self._most = slots, most
        self._fixed = fixed_shapes(device)
        self._fixed_checked = False
        self._fixed_step: FixedStep | None = None
        self._capacity = 0
        self._columns = 0
        self._layers: list[_Layer] = []
        self.lengths: list[int] = []  # tokens held of each row

    @torch.inference_mode()
    def insert(self, read: KeysAndValues) -> None:
        """Append a row."""
        length = read[0][0].shape[-2]
        if not self._layers:
            self._layers = [_Layer(self._slots, states) for states in read]
        if not self.lengths:
            self._columns = min(length, self._capacity)
        if len(self.lengths) == self._slots:
            self._slots = min(2 * self._slots, self._most)
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

    @torch.inference_mode()
    def step(self, tokens: list[int]) -> Tensor:
        """One token for every row; the logits that follow, [rows, vocabulary]."""
        longest = max(self.lengths)
        slack = self._columns - longest
        if self._columns == self._capacity or (slack > _SLACK and not self._fixed):
            self._realign(longest)
        if not self._fixed:
            logits = self._step(tokens)
        elif self._fixed_checked:
            logits = self._step_fixed(tokens)
        else:
            fixed = self._step_fixed(tokens)
            logits = self._step(tokens)  # last, so that its keys and values stay
            self._fixed = agree(fixed, logits)
            if not self._fixed:
                self._fixed_step = None
            self._fixed_checked = True
        self._columns += 1
        self.lengths = [length + 1 for length in self.lengths]
        return logits

    def _step_fixed(self, tokens: list[int]) -> Tensor:
        if self._fixed_step is None:
            self._fixed_step = FixedStep(self._model, self._layers, self._device)
        return self._fixed_step(tokens, self.lengths, self._columns)

    def _step(self, tokens: list[int]) -> Tensor:
        for layer in self._layers:
            layer.show(len(self.lengths), self._columns)
        lengths = torch.tensor(self.lengths, device=self._device)[:, None]
        columns = torch.arange(self._capacity, device=self._device)
        seen = (columns >= self._columns - lengths) & (columns <= self._columns)
        output = self._model(
            input_ids=torch.tensor(tokens, device=self._device)[:, None],
            attention_mask=seen.long(),
            position_ids=lengths,
            past_key_values=Cache(layers=list(self._layers)),
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def _realign(self, columns: int) -> None:
        """Every row ends at ``columns``, with room to grow."""
        taken = min(columns, self._columns)
        rows = len(self.lengths)
        outgrown = columns >= self._capacity or self._slots > self._layers[0].buffers[0].shape[0]
        if outgrown:
            self._fixed_step = None  # it knows the old buffers
            self._capacity = columns + (_SPARE_FIXED if self._fixed else _SPARE)
        for layer in self._layers:
            for number, old in enumerate(layer.buffers):
                held = old[:rows, :, self._columns - taken : self._columns]
                _, heads, _, size = old.shape
                if outgrown:
                    shape = self._slots, heads, self._capacity, size
                    layer.buffers[number] = old.new_zeros(shape)
                else:
                    held = held.clone()
                layer.buffers[number][:rows, :, columns - taken : columns] = held
        self._columns = columns
