"""How spread out a model's hidden states are, which the contrastive terms are meant to improve.

The figures are defined over the last hidden states (after the final norm, in evaluation mode) of
held-out documents, one sequence for each document:

- ``intra_similarity``: mean over sequences of the mean cosine between two different positions;
- ``isotropy``: 1 - ``intra_similarity``;
- ``inter_similarity``: mean cosine between the mean vectors of two different sequences;
- ``uniformity``: log of the mean of exp(-2 |x - y|^2) over pairs of those mean vectors, scaled to
  length 1 (Wang and Isola, 2020); lower is more uniform.

A figure without a pair to average over is NaN. Means of cosines come from the sum of the unit
vectors (|sum|^2 holds every pair), so no matrix of positions by positions is made.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

_ROWS = 1024
"""Rows of the matrix of distances that are held at a time."""


class Representation:
    """Gathers sequences one at a time, of which it keeps one mean vector each."""

    def __init__(self) -> None:
        self._intra: list[float] = []
        self._means: list[Tensor] = []

    def add(self, hidden: Tensor) -> None:
        """Take in one sequence's hidden states, [n, D], without padding."""
        hidden = hidden.detach().double()
        if len(hidden) > 1:
            self._intra.append(mean_cosine(hidden))
        self._means.append(hidden.mean(0).cpu())

    def figures(self) -> dict[str, float]:
        intra = math.fsum(self._intra) / len(self._intra) if self._intra else math.nan
        means = torch.stack(self._means) if self._means else torch.empty(0, 1)
        return {
            "intra_similarity": intra,
            "isotropy": 1 - intra,
            "inter_similarity": mean_cosine(means),
            "uniformity": uniformity(means),
        }


def mean_cosine(vectors: Tensor) -> float:
    """The mean cosine over all pairs of different rows of [n, D]; NaN when n < 2."""
    n = len(vectors)
    if n < 2:
        return math.nan
    units = functional.normalize(vectors.double(), dim=1)
    all_pairs = units.sum(0).square().sum() - units.square().sum()
    return float(all_pairs / (n * (n - 1)))


def uniformity(vectors: Tensor) -> float:
    """The log of the mean of exp(-2 |x - y|^2) over all pairs of different rows of [n, D], which
    are scaled to length 1; NaN when n < 2."""
    n = len(vectors)
    if n < 2:
        return math.nan
    units = functional.normalize(vectors.double(), dim=1)
    total = 0.0
    for rows in torch.split(units, _ROWS):  # |x - y|^2 = 2 - 2 cos
        total += float((4 * (rows @ units.T) - 4).exp().sum())
    return math.log((total - n) / (n * (n - 1)))
