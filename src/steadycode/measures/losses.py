"""Losses of documents, as evidence holds them. Needs neither a model nor torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steadycode.files import number


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLoss:
    """Mean negative log-likelihood (nats per token) of one held-out document; NaN when a model
    gives no finite one."""

    loss: float
    tokens: int

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "DocumentLoss":
        return cls(**{**row, "loss": number(row["loss"])})


def mean_loss(losses: Mapping[str, DocumentLoss]) -> float:
    """The mean over all predicted tokens, in nats per token; NaN when there are none."""
    tokens = sum(document.tokens for document in losses.values())
    total = math.fsum(document.loss * document.tokens for document in losses.values())
    return total / tokens if tokens else math.nan
