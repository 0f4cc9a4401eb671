"""Computes what one micro-batch contributes to the objective, with one run of the model."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from steadycode.config import TrainConfig
from steadycode.contraclm.objective import Objective, sequence_views
from steadycode.contraclm.views import (
    blocks,
    check_views_differ,
    functional_dropout_views,
    set_dropout,
)
from steadycode.models.batches import Batch
from steadycode.models.forward import Forward, single_pass


class MicroTerms(NamedTuple):
    """The sums that a micro-batch contributes to the means over a whole batch."""

    mle: Tensor
    """Cross-entropy summed over the scored tokens."""
    token: Tensor
    """Token term summed over the sequences."""
    means: tuple[Tensor, Tensor]
    """Mean vectors [sequences, D] of the two views; empty when no term asks for views."""
    cosine: Tensor
    """Cosine between the two views, summed over the tokens; it carries no gradient."""


class Terms(nn.Module):
    """Model and objective as one module, which accelerate wraps.

    When the setting ``views`` is "functional", the model runs once and dropout is applied twice to
    its last hidden state. Otherwise every row runs twice through the model, whose own dropout
    makes the views, and the head sees the first half only. In mode "mle" there are no views, and
    every row runs once.
    """

    def __init__(self, model: Any, settings: TrainConfig) -> None:
        super().__init__()
        self.model, self.settings = model, settings
        self.objective = Objective(
            mode=settings.mode,
            token_weight=settings.token_weight,
            sequence_weight=settings.sequence_weight,
        )
        self._checked = False
        if settings.views != "functional":
            last = settings.dropout_layers if settings.views == "last_layers" else None
            set_dropout(model, settings.dropout, last)
        self._run_model: Forward = single_pass(model, compiled=settings.compile)
        if settings.compile:  # block by block: they share their code, so one is compiled
            for block in blocks(model):
                block.compile()

    def forward(self, batch: Batch) -> MicroTerms:
        doubled = self.settings.views != "functional" and self.objective.contrastive
        scored = _twice(batch) if doubled else batch
        with autocast(self.model, self.settings):
            hidden, head = self._run_model(scored.inputs, scored.positions)
            mle = head.cross_entropy(scored.scored, scored.targets)
        nothing = mle.detach().new_zeros(())
        if not self.objective.contrastive:
            none = hidden.new_zeros(0, hidden.shape[-1])
            return MicroTerms(mle, nothing, (none, none), nothing)
        view1, view2 = self._views(hidden, batch.mask)
        views = sequence_views(view1, view2, batch.scored, batch.lengths)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.objective.on_tokens):
            token = views.token_loss(self.settings.temperature) * len(views.lengths)
        with torch.no_grad():
            cosine = functional.cosine_similarity(views.x1, views.x2).sum()
        return MicroTerms(mle, token, views.means(), cosine)

    def means(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Only the mean vectors that ``forward`` returns; the head does not run."""
        scored = batch if self.settings.views == "functional" else _twice(batch)
        with autocast(self.model, self.settings):
            hidden, _ = self._run_model(scored.inputs, scored.positions)
        view1, view2 = self._views(hidden, batch.mask)
        return sequence_views(view1, view2, batch.scored, batch.lengths).means()

    def _views(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        if self.settings.views == "functional":
            view1, view2 = functional_dropout_views(hidden, self.settings.dropout)
        else:
            view1, view2 = hidden.chunk(2)
        if not self._checked:
            check_views_differ(view1, view2, mask)
            self._checked = True
        return view1, view2


def autocast(model: Any, settings: TrainConfig) -> AbstractContextManager[Any]:
    """A context that computes in bf16 if the device gains by it or the settings ask for it."""
    from steadycode.models import pick_dtype

    device = model.device.type
    dtype = pick_dtype(settings.precision, device)
    return torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32)


def _twice(batch: Batch) -> Batch:
    """The batch with every row twice; only the first half is scored."""
    return replace(
        batch,
        inputs=torch.cat([batch.inputs] * 2),
        targets=torch.cat([batch.targets] * 2),
        mask=torch.cat([batch.mask, torch.zeros_like(batch.mask)]),
        positions=None if batch.positions is None else torch.cat([batch.positions] * 2),
    )
