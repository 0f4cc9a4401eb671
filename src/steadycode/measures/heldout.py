"""Measures each document's held-out loss and the representation figures in one forward pass."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from steadycode.files import sha256_text
from steadycode.measures.losses import DocumentLoss, mean_loss
from steadycode.measures.representation import Representation
from steadycode.models.batches import batches_of_like_length, collate
from steadycode.models.forward import evaluating, single_pass
from steadycode.models.tokens import encode_text

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    losses: Mapping[str, DocumentLoss]
    """Each document's loss, by the sha256 of the document."""
    representation: Mapping[str, float]
    """The figures that ``measures.representation`` defines, by name."""

    @property
    def loss(self) -> float:
        """The mean over all predicted tokens, in nats per token; NaN when there are none."""
        return mean_loss(self.losses)

    @property
    def perplexity(self) -> float:
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf


def measure(
    model: Any,
    tokenizer: Any,
    documents: Sequence[str],
    *,
    max_tokens: int,
    on_progress: OnProgress | None = None,
) -> HeldOut:
    """Measure losses and representation on ``documents``, cut to their first ``max_tokens`` ids.

    A document's loss is the mean negative log-likelihood (nats) of all its ids but the first, or
    of all of them where the tokenizer puts something before every text, which counts among the
    ``max_tokens``; no end-of-text token is added. The representation figures come from the hidden
    states that predict these ids. Documents of fewer than two ids are left out.
    """
    ids = [encode_text(tokenizer, document)[:max_tokens] for document in documents]
    forward = single_pass(model)
    losses: dict[str, DocumentLoss] = {}
    representation = Representation()
    done = sum(len(sequence) < 2 for sequence in ids)
    with evaluating(model):
        scored = [at for at, sequence in enumerate(ids) if len(sequence) > 1]
        for places in batches_of_like_length([len(ids[at]) for at in scored]):
            chosen = [scored[place] for place in places]
            batch = collate([[ids[i]] for i in chosen], pad_id=0).to(model.device)
            hidden, head = forward(batch.inputs, None)
            places_of = torch.split(batch.scored, list(batch.lengths))
            for index, at in zip(chosen, places_of, strict=True):  # one document's logits at a time
                wanted = batch.targets.flatten()[at]
                nll = cross_entropy(head.logits(at), wanted, reduction="none")
                losses[sha256_text(documents[index])] = DocumentLoss(
                    loss=float(nll.double().mean()), tokens=len(nll)
                )
                representation.add(hidden.flatten(0, 1)[at])
            done += len(chosen)
            if on_progress:
                on_progress(done, len(documents))
    return HeldOut(losses=losses, representation=representation.figures())


def document_losses(
    model: Any,
    tokenizer: Any,
    documents: Sequence[str],
    *,
    max_tokens: int,
    on_progress: OnProgress | None = None,
) -> dict[str, DocumentLoss]:
    """Only the losses that ``measure`` returns, by the sha256 of the document."""
    held_out = measure(model, tokenizer, documents, max_tokens=max_tokens, on_progress=on_progress)
    return dict(held_out.losses)
