"""Forward passes over whole prompts, one after the other."""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

_WORTH_SHARING = 16  # tokens; a forward pass over that few more costs next to nothing


class Prefill:
    """Remembers the last prompt: what the next one shares with it, from the beginning, is taken
    from there. Prompts are read alone and so without padding."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self._tokens: tuple[int, ...] = ()
        self._cache = DynamicCache()
        self._logits: Tensor | None = None

    @torch.inference_mode()
    def read(self, tokens: tuple[int, ...]) -> tuple[Any, Tensor]:
        """Keys and values of ``tokens``, and the logits behind the last one, [1, vocabulary]."""
        if self._logits is None or tokens != self._tokens:
            shared = min(_shared(self._tokens, tokens), len(tokens) - 1)
            cache = self._first(shared) if shared >= _WORTH_SHARING else DynamicCache()
            output = self._model(
                input_ids=torch.tensor([tokens[cache.get_seq_length() :]], device=self._device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            self._tokens, self._cache, self._logits = tokens, cache, output.logits[:, -1].float()
        return self._cache, self._logits.clone()

    def _first(self, count: int) -> Any:
        cache = DynamicCache()
        for number, layer in enumerate(self._cache.layers):
            cache.update(layer.keys[:, :, :count], layer.values[:, :, :count], number)
        return cache


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many elements both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
