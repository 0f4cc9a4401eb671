"""Sequences that other processes or micro-batches hold, as negatives of the sequence term."""

from collections.abc import Sequence

import torch
import torch.distributed
from torch import Tensor

from steadycode.contraclm.microbatches import MicroBatch
from steadycode.contraclm.objective import two_view_loss


def gather(local: Tensor, counts: Sequence[int]) -> Tensor:
    """The rows [counts[p], D] of all processes p, in their order, as [sum(counts), D].

    The gradient goes to this process's own rows, ``local``. Every process computes the same loss
    of all rows, so the *sum* of their gradients is that of the whole; DistributedDataParallel
    takes the mean, which is why each loss is multiplied by the number of processes.
    """
    if len(counts) == 1:
        return local
    padded = local.new_zeros(max(counts), local.shape[1])
    padded[: len(local)] = local.detach()
    parts = [torch.empty_like(padded) for _ in counts]
    torch.distributed.all_gather(parts, padded)
    rows = [part[:count] for part, count in zip(parts, counts, strict=True)]
    rows[torch.distributed.get_rank()] = local
    return torch.cat(rows)


class CachedNegatives:
    """The sequence term of a whole optimiser step, whose gradient micro-batches apply in turn.

    This follows "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup" (Gao et
    al., 2021). First the gradient with respect to the mean vectors of all sequences is computed
    (``means`` holds those of both views for each micro-batch); then each micro-batch runs again
    with the same dropout and takes its part of that gradient backwards.
    """

    def __init__(
        self,
        micros: Sequence[MicroBatch],
        means: Sequence[tuple[Tensor, Tensor]],
        process: int,
        temperature: float,
    ) -> None:
        views = [
            [gather(view, micro.counts) for view, micro in zip(views, micros, strict=True)]
            for views in zip(*means, strict=True)
        ]
        joined = [torch.cat(view).requires_grad_() for view in views]
        with torch.enable_grad():
            loss = two_view_loss(joined[0], joined[1], temperature)
        gradients = torch.autograd.grad(loss, joined)
        self.loss = loss.detach()
        shares = [count for micro in micros for count in micro.counts]
        own = slice(process, None, len(micros[0].counts))
        views_parts = (torch.split(gradient, shares)[own] for gradient in gradients)
        self._parts = list(zip(*views_parts, strict=True))

    def surrogate(self, at: int, means: tuple[Tensor, Tensor]) -> Tensor:
        """A scalar whose gradient with respect to ``means``, the two views' mean vectors of
        micro-batch number ``at``, is that of the loss."""
        gradient1, gradient2 = self._parts[at]
        value: Tensor = (means[0] * gradient1).sum() + (means[1] * gradient2).sum()
        return value
