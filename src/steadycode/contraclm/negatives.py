"""Mean vectors of sequences that another process or micro-batch holds: negatives of our own."""

from collections.abc import Sequence

import torch
import torch.distributed
from torch import Tensor

from steadycode.contraclm.microbatches import MicroBatch
from steadycode.contraclm.objective import two_view_loss


def gather(local: Tensor, counts: Sequence[int]) -> Tensor:
    """The rows [counts[p], D] of all processes p, in their order; [sum(counts), D].

    The gradient goes to this process's own rows. Every process computes the same loss of all
    rows, so the *sum* of their gradients is that of the whole; DistributedDataParallel takes the
    mean, and so each loss is multiplied by the number of processes.
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

    After "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup" (Gao et al.,
    2021): the gradient with respect to the means is found first, of all of them together; then
    each micro-batch runs again, the same dropout in place, and takes its part backwards.
    """

    def __init__(
        self,
        micros: Sequence[MicroBatch],
        found: Sequence[tuple[Tensor, Tensor]],
        process: int,
        temperature: float,
    ) -> None:
        views = [
            [gather(view, micro.counts) for view, micro in zip(views, micros, strict=True)]
            for views in zip(*found, strict=True)
        ]
        means = [torch.cat(view).requires_grad_() for view in views]
        with torch.enable_grad():
            loss = two_view_loss(means[0], means[1], temperature)
        gradients = torch.autograd.grad(loss, means)
        self.loss = loss.detach()
        shares = [count for micro in micros for count in micro.counts]
        own = slice(process, None, len(micros[0].counts))
        views_parts = (torch.split(gradient, shares)[own] for gradient in gradients)
        self._parts = list(zip(*views_parts, strict=True))

    def surrogate(self, at: int, means: tuple[Tensor, Tensor]) -> Tensor:
        """What has, with respect to ``means`` of micro-batch ``at``, the gradient of the loss."""
        gradient1, gradient2 = self._parts[at]
        value: Tensor = (means[0] * gradient1).sum() + (means[1] * gradient2).sum()
        return value
