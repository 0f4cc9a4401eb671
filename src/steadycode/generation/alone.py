"""Rows that are decoded one by one, for models whose memory is not keys and values alone.

State-space and hybrid models keep states that cannot be padded, cut or moved between rows, and some
older ones compute positions from the padding. Each row then holds what the model itself calls its
cache, or nothing but its tokens, which are read anew at every step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_CACHES = ("past_key_values", "cache_params", "state")
"""What families call their cache, in the call and in what it returns."""
Tokens = tuple[int, ...]


@dataclass(slots=True)
class OwnRow:
    """A row: its tokens, and the arguments that give the model back its cache, if it keeps one."""

    tokens: Tokens
    cache: dict[str, Any]


class PrefillAlone:
    """Reads prompts one by one, as ``Prefill`` reads several."""

    def __init__(self, model: Any, device: str, *, cached: bool) -> None:
        self._model, self._device, self._cached = model, device, cached

    def count(self, waiting: Iterable[Tokens]) -> int:
        return 1

    @torch.inference_mode()
    def read(self, prompts: Sequence[Tokens]) -> tuple[list[OwnRow], Tensor]:
        """A row for each prompt, and the logits behind their last tokens, [prompts, vocabulary]."""
        rows = [OwnRow(tokens, {}) for tokens in prompts]
        read = [forward(self._model, self._device, row, row.tokens, self._cached) for row in rows]
        return rows, torch.stack(read).float()


class CacheAlone:
    """Rows numbered from 0 without gaps, each a forward pass of its own."""

    def __init__(self, model: Any, device: str, *, cached: bool) -> None:
        self._model, self._device, self._cached = model, device, cached
        self._rows: list[OwnRow] = []

    def insert(self, read: OwnRow) -> None:
        """Append a row."""
        self._rows.append(read)

    def remove(self, row: int) -> None:
        """The last row takes this row's number."""
        self._rows[row] = self._rows[-1]
        self._rows.pop()

    @torch.inference_mode()
    def step(self, tokens: list[int]) -> Tensor:
        """One token for every row; the logits that follow, [rows, vocabulary]."""
        logits = []
        for row, token in zip(self._rows, tokens, strict=True):
            row.tokens = (*row.tokens, token)
            new = (token,) if row.cache else row.tokens
            logits.append(forward(self._model, self._device, row, new, self._cached))
        return torch.stack(logits)


def forward(model: Any, device: str, row: OwnRow, new: Tokens, cached: bool) -> Tensor:
    """The logits behind the row's last token, [vocabulary], from its ``new`` tokens."""
    ids = torch.tensor([new], device=device)
    output = model(input_ids=ids, use_cache=cached, **row.cache)
    if cached:
        kept = {name: getattr(output, name, None) for name in _CACHES}
        row.cache = {name: value for name, value in kept.items() if value is not None}
    logits: Tensor = output.logits[0, -1]
    return logits
