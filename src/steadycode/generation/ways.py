"""Which way of decoding says what the model says: found out once per model, on a few tokens.

The fastest is tried first: rows of any length in one forward pass (``cache``), then each row with
the model's own cache, then each row read anew at every token (``alone``). A way is taken when its
logits are those of plain forward passes over the whole text, without padding and cache.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from steadycode.generation.alone import CacheAlone, PrefillAlone
from steadycode.generation.cache import BatchCache
from steadycode.generation.cpu import CpuModel
from steadycode.generation.prefill import Prefill
from steadycode.models.windows import window

Tokens = tuple[int, ...]


class Reader(Protocol):
    """Reads prompts."""

    def count(self, waiting: Iterable[Tokens]) -> int:
        """How many of the prompts ``waiting`` to read in the next pass, at least 1."""
        ...

    def read(self, prompts: Sequence[Tokens]) -> tuple[Sequence[Any], Tensor]:
        """What a ``RowCache`` holds of each prompt, and the logits behind their last tokens,
        [prompts, vocabulary]."""
        ...


class RowCache(Protocol):
    """Holds what has been read of the rows under way, which are numbered from 0 without gaps."""

    def insert(self, read: Any) -> None:
        """Append a row that the ``Reader`` has read."""
        ...

    def remove(self, row: int) -> None:
        """The last row takes this row's number."""
        ...

    def step(self, tokens: list[int]) -> Tensor:
        """One token for every row; the logits that follow, [rows, vocabulary]."""
        ...


Way = Callable[[int, int], tuple[Reader, RowCache]]
"""Called with the rows that there are buffers for, and that there may be; returns what reads
prompts and what holds rows."""

_LENGTHS = (5, 17)  # tokens of the prompts that are tried
_STEPS = 3
_LONGEST_WINDOW = 512
"""Windows of attention up to so many tokens are tried with a prompt that is longer."""
_EXACT, _ROUNDED = 1e-3, 0.1
"""Largest mean difference of logits, to their standard deviation, in float32 and below."""


def way_of(model: Any, device: str) -> Way:
    """The fastest way to decode with ``model`` that says what its plain forward passes say."""
    prompts = _prompts(model)
    with torch.inference_mode():
        expected = torch.cat([_plain(model, device, tokens) for tokens in prompts])
    limit = (_EXACT if model.dtype == torch.float32 else _ROUNDED) * float(expected.std())
    *faster, surest = ways(model, device)
    if not expected.isfinite().all():  # damaged weights say nothing in any way
        return faster[0]
    for way in faster:
        try:
            logits = torch.stack([*_said(way, prompts)])
        except torch.OutOfMemoryError:
            raise
        except Exception:  # of whatever kind: the model cannot be called so
            continue
        if (logits - expected).abs().mean(1).max() <= limit:
            return way
    return surest


def ways(model: Any, device: str) -> Sequence[Way]:
    """The ways to decode with ``model``, from the fastest to the one that is always right."""
    fast = CpuModel(model) if device == "cpu" else model
    return (
        lambda slots, most: (Prefill(fast, device), BatchCache(fast, device, slots, most)),
        lambda slots, most: _alone(model, device, cached=True),
        lambda slots, most: _alone(model, device, cached=False),
    )


def _alone(model: Any, device: str, *, cached: bool) -> tuple[Reader, RowCache]:
    return PrefillAlone(model, device, cached=cached), CacheAlone(model, device, cached=cached)


def _plain(model: Any, device: str, tokens: Tokens) -> Tensor:
    """The logits behind each of a prompt's last tokens but one, [steps, vocabulary]."""
    ids = torch.tensor([tokens[:-1]], device=device)
    logits: Tensor = model(input_ids=ids, use_cache=False).logits[0, -_STEPS:].float()
    return logits


def _said(way: Way, prompts: Sequence[Tokens]) -> Iterator[Tensor]:
    """The logits behind each of the prompts' last tokens, prompt by prompt, when all but these are
    read together and these are then given one by one."""
    prefill, cache = way(len(prompts), len(prompts))
    read, logits = prefill.read([tokens[:-_STEPS] for tokens in prompts])
    for states in read:
        cache.insert(states)
    said = [logits.clone()]
    for at in range(_STEPS - 1, 0, -1):
        said.append(cache.step([tokens[-at - 1] for tokens in prompts]).float().clone())
    for row in range(len(prompts)):
        yield from (logits[row] for logits in said)


def _prompts(model: Any) -> Sequence[Tokens]:
    """Two of unlike lengths, one of them longer than a window of the attention."""
    config = model.config.get_text_config()
    named = (value for key, value in config.to_dict().items() if "window" in key)
    windows = [n for n in named if isinstance(n, int) and 1 < n <= _LONGEST_WINDOW]
    longest = max([_LENGTHS[1], *(2 * size for size in windows)])
    lengths = (_LENGTHS[0], int(min(longest, window(model) - _STEPS)))
    size = model.get_input_embeddings().num_embeddings
    drawn = torch.Generator().manual_seed(0)
    return [
        tuple(torch.randint(size, (length + _STEPS,), generator=drawn).tolist())
        for length in lengths
    ]
