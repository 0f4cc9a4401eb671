"""The ContraCLM objective: cross-entropy plus contrastive terms over tokens and over sequences.

It follows "ContraCLM: Contrastive Learning for Causal Language Model" (Jain et al., ACL 2023).
Both terms ask the same question about two views of n vectors: which one of the 2n - 1 other
vectors is the same item in the other view?
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_SIMILARITIES = 2**26
"""The most similarities held at a time on a GPU: a quarter of a gigabyte in float32."""

Mode = Literal["mle", "token", "sequence", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Which terms are trained on, and how much each weighs beside the cross-entropy."""

    mode: Mode = "both"
    token_weight: float = 1.0
    sequence_weight: float = 1.0

    @property
    def contrastive(self) -> bool:
        return self.mode != "mle"

    @property
    def on_tokens(self) -> bool:
        return self.mode in ("token", "both")

    @property
    def on_sequences(self) -> bool:
        return self.mode in ("sequence", "both")

    def total(self, mle: Tensor, token: Tensor, sequence: Tensor) -> Tensor:
        """The scalar to minimise; a term outside the mode contributes neither value nor NaN."""
        loss = mle
        if self.on_tokens:
            loss = loss + self.token_weight * token
        if self.on_sequences:
            loss = loss + self.sequence_weight * sequence
        return loss


def contrastive_losses(
    h1: Tensor,
    h2: Tensor,
    mask: Tensor,
    temperature: float = 0.05,
    segments: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The token-level and the sequence-level contrastive loss of two views.

    ``h1``, ``h2``: hidden states [B, L, D] of any floating dtype. ``mask``: bool [B, L], True at
    real tokens; whatever stands elsewhere has no effect and gets a zero gradient. ``segments``:
    integers [B, L] for packed rows, where each segment of a row is a sequence of its own; without
    it each row is one sequence.

    The token loss compares, within each sequence, every position with all others in both views;
    it is the mean over a sequence's positions, then the unweighted mean over sequences. The
    sequence loss compares the mean vectors of all sequences with one another. Sequences without a
    valid token are left out. A loss over one item is 0, and so is that of an empty batch.

    Returns two scalars, in float64 when the input is float64 and otherwise in float32. Raises
    ValueError when shapes or dtypes do not fit or the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    _check(h1, h2, mask, segments)
    views = sequence_views(h1, h2, *_valid_positions(mask, segments))
    means1, means2 = views.means()
    return views.token_loss(temperature), two_view_loss(means1, means2, temperature)


class SequenceViews(NamedTuple):
    """The valid vectors of two views, sequence after sequence, in float32 or float64."""

    x1: Tensor
    """The first view, [N, D]."""
    x2: Tensor
    """The second view, [N, D]."""
    lengths: Sequence[int]
    """How many of the N vectors belong to each sequence; none is 0."""

    def token_loss(self, temperature: float) -> Tensor:
        """The token term: the unweighted mean over sequences, or 0 when there are none."""
        if not self.lengths:
            return self.x1.sum() + self.x2.sum()  # zero, and still part of the graph
        groups = _groups(self.lengths, self.x1.is_cuda)
        views = (torch.split(x, [sum(lengths) for lengths in groups]) for x in (self.x1, self.x2))
        losses = [
            _losses(a, b, lengths, temperature)
            for a, b, lengths in zip(*views, groups, strict=True)
        ]
        return torch.cat(losses).mean()

    def means(self) -> tuple[Tensor, Tensor]:
        """The mean vector of each sequence in either view, [sequences, D], which
        ``two_view_loss`` compares, also with those of other processes or micro-batches."""
        if not self.lengths:
            return self.x1, self.x2
        counts = torch.tensor(self.lengths, device=self.x1.device)[:, None]
        means1, means2 = (_padded(x, self.lengths).sum(1) / counts for x in (self.x1, self.x2))
        return means1, means2


def sequence_views(
    h1: Tensor, h2: Tensor, positions: Tensor, lengths: Sequence[int]
) -> SequenceViews:
    """The vectors of ``h1`` and ``h2`` [B, L, D] at ``positions``, int64 [N], which count through
    all rows and are in the order of the sequences, as a ``Batch`` has them."""
    return SequenceViews(_select(h1, positions), _select(h2, positions), lengths)


def two_view_loss(x1: Tensor, x2: Tensor, temperature: float) -> Tensor:
    """InfoNCE over two views [n, D] of n items: the mean loss of the 2n anchors.

    An anchor's positive is the same item in the other view, its negatives the other n - 1 items
    in both; similarity is the cosine, 0 for a zero vector. One item gives 0, and so does none.
    The loss cannot be differentiated twice.
    """
    if not len(x1):
        return x1.sum() + x2.sum()  # zero, and still part of the graph
    return _losses(x1, x2, [len(x1)], temperature)[0]


def _groups(lengths: Sequence[int], cuda: bool) -> list[list[int]]:
    """Split ``lengths`` into groups of neighbours whose similarities are computed together.

    On a CPU every sequence is a group, so that its similarities stay in the cache. A GPU waits for
    the next small kernel longer than it computes: there a group is as large as ``_SIMILARITIES``
    allows."""
    if not cuda:
        return [[length] for length in lengths]
    groups: list[list[int]] = [[]]
    longest = 0
    for length in lengths:
        longest = max(longest, length)
        if groups[-1] and (len(groups[-1]) + 1) * (2 * longest) ** 2 > _SIMILARITIES:
            groups.append([])
            longest = length
        groups[-1].append(length)
    return groups


def _losses(x1: Tensor, x2: Tensor, lengths: Sequence[int], temperature: float) -> Tensor:
    """The loss of each sequence, [len(lengths)]; ``x1`` and ``x2`` are [sum(lengths), D], and no
    sequence is empty."""
    x1, x2 = _padded(x1, lengths), _padded(x2, lengths)
    valid = None
    if min(lengths) < max(lengths):
        columns = torch.arange(max(lengths), device=x1.device)
        valid = columns < torch.tensor(lengths, device=x1.device)[:, None]
    with torch.autocast(x1.device.type, enabled=False):
        losses: Tensor = _TwoViewLoss.apply(x1, x2, valid, temperature)  # type: ignore[no-untyped-call]
    return losses


def _padded(x: Tensor, lengths: Sequence[int]) -> Tensor:
    """The sequences of ``x`` [sum(lengths), D] as [len(lengths), longest, D], padded with zeros."""
    width = max(lengths)
    if min(lengths) == width:
        return x.view(len(lengths), width, -1)
    counts = torch.tensor(lengths)
    padding = torch.arange(len(lengths)) * width - (counts.cumsum(0) - counts)  # before each
    places = torch.arange(len(x)) + padding.repeat_interleave(counts)
    padded = x.new_zeros(len(lengths) * width, x.shape[1]).index_put((places.to(x.device),), x)
    return padded.view(len(lengths), width, -1)


class _TwoViewLoss(torch.autograd.Function):
    """The loss of each of G sequences, whose two views are [G, n, D].

    ``valid``, bool [G, n], tells vectors from padding; None means that there is no padding. The
    gradient is computed in the forward pass, while the similarities [G, 2n, 2n] are in cache, so
    that only one [G, n, D] per view is kept for the backward pass. Two matrix products are enough
    instead of three, because the similarity matrix is symmetric.
    """

    @staticmethod
    def forward(
        ctx: Any, x1: Tensor, x2: Tensor, valid: Tensor | None, temperature: float
    ) -> Tensor:
        n = x1.shape[1]
        units, norms, scales = _normalised(torch.cat([x1, x2], 1))  # [G, 2n, D or 1]
        similarity = units @ units.mT
        anchors = torch.arange(2 * n, device=x1.device)
        positives = anchors.roll(n)
        # distances from the positive first: exact where two cosines are nearly equal, and the
        # division by a small temperature then magnifies no rounding error of 1/temperature
        positive = similarity[:, anchors, positives][..., None]
        negatives = similarity.sub_(positive).div_(temperature)
        negatives[:, anchors, anchors] = -torch.inf
        negatives[:, anchors, positives] = -torch.inf
        count = torch.full((1, 1), 2 * n, device=x1.device)  # real anchors, [1, 1] or [G, 1]
        if valid is not None:
            real = valid.repeat(1, 2)  # [G, 2n]
            negatives.masked_fill_(~real[:, None], -torch.inf)
            count = real.sum(1, keepdim=True)
        rest = negatives.logsumexp(2)  # [G, 2n], log of the negatives' share to the positive's
        losses = torch.logaddexp(rest, torch.zeros_like(rest))
        if any(ctx.needs_input_grad):
            weights = negatives.sub_(losses[..., None]).exp_()  # d losses / d similarity
            weights[:, anchors, positives] = -rest.sigmoid()
            if valid is not None:
                weights.masked_fill_(~real[..., None], 0)
            gradient = (weights + weights.mT) @ units
            gradient -= units * (units * gradient).sum(2, keepdim=True)
            gradient = gradient.div_(norms * (count * temperature)[..., None]).div_(scales)
            ctx.save_for_backward(*torch.split(gradient, n, 1))
        if valid is not None:
            losses = losses.masked_fill_(~real, 0)
        return losses.sum(1) / count[:, 0]

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(  # type: ignore[override]
        ctx: Any, grad: Tensor
    ) -> tuple[Tensor, Tensor, None, None]:
        gradient1, gradient2 = ctx.saved_tensors
        grad = grad[:, None, None]
        return grad * gradient1, grad * gradient2, None, None


def _normalised(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The unit vectors of ``x``, and the norms and scales by which it was divided.

    A vector is divided by its largest entry (its scale) first, then by its length (its norm),
    because the squares of 1e30 or 1e-30 leave the range of float32. A zero vector stays zero; its
    norm is infinite, so that its gradient becomes zero too.
    """
    scales = x.abs().amax(-1, keepdim=True)
    zero = scales == 0
    units = x / scales.masked_fill(zero, 1)
    norms = torch.linalg.vector_norm(units, dim=-1, keepdim=True).masked_fill_(zero, torch.inf)
    return units.div_(norms), norms, scales.masked_fill_(zero, 1)


def _valid_positions(mask: Tensor, segments: Tensor | None) -> tuple[Tensor, list[int]]:
    """The flat indices of the valid positions, sequence after sequence, and each one's length."""
    positions = mask.flatten().nonzero().squeeze(1)
    sequences = positions // mask.shape[1]
    if segments is not None:
        _, within_row = torch.unique(segments.flatten()[positions], return_inverse=True)
        sequences = sequences * len(positions) + within_row
        sequences, order = sequences.sort(stable=True)
        positions = positions[order]
    _, lengths = torch.unique_consecutive(sequences, return_counts=True)
    return positions, lengths.tolist()


def _select(h: Tensor, positions: Tensor) -> Tensor:
    """The vectors of ``h`` at the flat ``positions``, [N, D], in float32 or float64."""
    chosen = h.flatten(0, 1).index_select(0, positions)
    return chosen if h.dtype == torch.float64 else chosen.float()


def _check(h1: Tensor, h2: Tensor, mask: Tensor, segments: Tensor | None) -> None:
    if h1.ndim != 3 or h1.shape != h2.shape:
        raise ValueError(f"two views [B, L, D], got {tuple(h1.shape)} and {tuple(h2.shape)}")
    if mask.dtype != torch.bool or mask.shape != h1.shape[:2]:
        raise ValueError(f"mask must be bool [B, L], got {mask.dtype} {tuple(mask.shape)}")
    if segments is not None and (segments.shape != mask.shape or segments.is_floating_point()):
        raise ValueError(f"segments must be integers [B, L], got {segments.dtype}")
