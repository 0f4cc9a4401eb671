"""Forward passes over whole prompts."""

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from steadycode.generation.cache import KeysAndValues

_WORTH_SHARING = 16  # tokens; a forward pass over that few more costs next to nothing
Tokens = tuple[int, ...]


_AT_ONCE, _AT_ONCE_ON_GPU = 4, 32  # prompts; a CPU is kept busy by few


class Prefill:
    """Reads prompts, several in one pass. One that is read alone has no padding, and what it
    shares with the one before, from the beginning, is taken from there."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self._tokens: Tokens = ()
        self._cache = DynamicCache()
        self._logits: Tensor | None = None

    def count(self, waiting: Iterable[Tokens]) -> int:
        """How many of the prompts ``waiting`` to read in the next pass, at least 1: on a CPU no two
        of which the second begins as the first does, for the second is then nearly free."""
        if self._device.startswith("cuda"):
            return _AT_ONCE_ON_GPU
        near = [self._tokens, *islice(waiting, _AT_ONCE + 1), ()]
        shares = [_shared(*pair) >= _WORTH_SHARING for pair in pairwise(near)]
        if shares[0]:
            return 1
        alone = next((at for at, follows in enumerate(shares[1:]) if follows), _AT_ONCE)
        return max(1, min(alone, _AT_ONCE))

    @torch.inference_mode()
    def read(self, prompts: Sequence[Tokens]) -> tuple[list[KeysAndValues], Tensor]:
        """Keys and values of each prompt, and the logits behind their last tokens, [prompts,
        vocabulary]."""
        if len(prompts) > 1:
            return self._read_together(prompts)
        read, logits = self._read_alone(prompts[0])
        return [read], logits

    def _read_alone(self, tokens: Tokens) -> tuple[KeysAndValues, Tensor]:
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
        return [(layer.keys, layer.values) for layer in self._cache.layers], self._logits.clone()

    def _read_together(self, prompts: Sequence[Tokens]) -> tuple[list[KeysAndValues], Tensor]:
        """Padded on the left; samples of one prompt are read once."""
        distinct = list(dict.fromkeys(prompts))
        width = max(map(len, distinct))
        padding = torch.tensor([width - len(tokens) for tokens in distinct])
        columns = torch.arange(width)
        ids = torch.tensor([[0] * (width - len(tokens)) + list(tokens) for tokens in distinct])
        output = self._model(
            input_ids=ids.to(self._device),
            attention_mask=(columns >= padding[:, None]).long().to(self._device),
            position_ids=(columns - padding[:, None]).clamp(min=0).to(self._device),
            past_key_values=DynamicCache(),
            use_cache=True,
            logits_to_keep=1,
        )
        layers = output.past_key_values.layers
        at = [distinct.index(tokens) for tokens in prompts]
        read: list[KeysAndValues] = []
        for row, tokens in zip(at, prompts, strict=True):
            own = slice(row, row + 1), slice(None), slice(width - len(tokens), None)
            read.append([(layer.keys[own], layer.values[own]) for layer in layers])
        return read, output.logits[at, -1].float()

    def _first(self, count: int) -> Any:
        cache = DynamicCache()
        for number, layer in enumerate(self._cache.layers):
            cache.update(layer.keys[:, :, :count], layer.values[:, :, :count], number)
        return cache


def _shared(one: Tokens, other: Tokens) -> int:
    """How many elements both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
