"""Makes one vector of a sequence: the mean of its last hidden states, scaled to length 1."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from steadycode.models.batches import batches_of_like_length
from steadycode.models.forward import evaluating, single_pass


def embed(
    model: Any,
    sequences: Sequence[Sequence[int]],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """The vector of each sequence of ids, as float32 [sequences, D] on the CPU. The model is in
    evaluation mode meanwhile, and padding has no effect. No sequence may be empty."""
    forward = single_pass(model)
    vectors: dict[int, Tensor] = {}
    with evaluating(model):
        for chosen in batches_of_like_length([len(ids) for ids in sequences]):
            width = max(len(sequences[at]) for at in chosen)
            ids = torch.zeros(len(chosen), width, dtype=torch.int64)
            for row, at in enumerate(chosen):
                ids[row, : len(sequences[at])] = torch.tensor(sequences[at])
            hidden, _ = forward(ids.to(model.device), None)
            for row, at in enumerate(chosen):
                mean = hidden[row, : len(sequences[at])].float().mean(0)
                vectors[at] = functional.normalize(mean, dim=0).cpu()
            if on_progress:
                on_progress(len(vectors), len(sequences))
    return torch.stack([vectors[at] for at in range(len(sequences))])
