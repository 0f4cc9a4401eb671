"""Losses of documents, as evidence holds them; this needs neither a model nor torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from steadycode.records import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLoss:
    """What a model lost on one held-out document."""

    loss: Measured
    """Mean negative log-likelihood, in nats per token; NaN when the model gives no finite one."""
    tokens: int
    """The number of tokens that were predicted."""


def mean_loss(losses: Mapping[str, DocumentLoss]) -> float:
    """The mean over all predicted tokens, in nats per token; NaN when there are none."""
    tokens = sum(document.tokens for document in losses.values())
    total = math.fsum(document.loss * document.tokens for document in losses.values())
    return total / tokens if tokens else math.nan
