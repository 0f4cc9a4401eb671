"""Makes batches of sequences of token ids: padded rows with exact masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

IGNORED = -100
"""The target of a position that is not scored (torch's own convention)."""

Row = Sequence[Sequence[int]]
"""The sequences of ids that share a row of a batch."""
BATCH_TOKENS = 4096
"""The most positions, padding included, in one forward pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Right-padded rows: ``inputs`` and ``targets`` int64 [B, T], ``mask`` bool [B, T].

    ``targets[b, t]`` follows ``inputs[b, t]``; both are real where the mask is True, and nowhere
    else. The mask comes from the sequences' lengths, since padding may share its id with real
    tokens. ``scored``, int64 [N], holds the same places as b * T + t, and ``lengths`` tells how
    many of them each sequence has, so that no GPU has to be asked for them. When a row holds
    several sequences, ``positions``, int64 [B, T], begin at 0 in each; otherwise it is None.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    scored: Tensor
    lengths: tuple[int, ...]
    positions: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        return replace(
            self,
            inputs=self.inputs.to(device),
            targets=self.targets.to(device),
            mask=self.mask.to(device),
            scored=self.scored.to(device),
            positions=None if self.positions is None else self.positions.to(device),
        )


def collate(rows: Sequence[Row], pad_id: int) -> Batch:
    """Make a batch as wide as its longest row; a sequence of n ids gives n - 1 targets. Without
    rows the batch is one row of padding: a process without a share still takes part."""
    widths = [sum(len(sequence) - 1 for sequence in row) for row in rows]
    shape = max(len(rows), 1), max(widths, default=1)
    inputs = torch.full(shape, pad_id)
    targets = torch.full(shape, IGNORED)
    mask = torch.zeros(shape, dtype=torch.bool)
    positions = torch.zeros(shape, dtype=torch.int64)
    for at, row in enumerate(rows):
        start = 0
        for sequence in row:
            ids = torch.tensor(sequence)
            here = at, slice(start, start + len(ids) - 1)
            inputs[here], targets[here], mask[here] = ids[:-1], ids[1:], True
            positions[here] = torch.arange(len(ids) - 1)
            start += len(ids) - 1
    return Batch(
        inputs=inputs,
        targets=targets,
        mask=mask,
        scored=mask.flatten().nonzero().squeeze(1),
        lengths=tuple(len(sequence) - 1 for row in rows for sequence in row if len(sequence) > 1),
        positions=None if all(len(row) == 1 for row in rows) else positions,
    )


def packed(sequences: Sequence[Sequence[int]], width: int) -> Sequence[Row]:
    """Put each sequence, in turn, into the first row where it fits; rows hold ``width`` targets.

    Sequences are not sorted by length first, since those of a row are compared with one another
    and should not be alike in length.
    """
    rows: list[list[Sequence[int]]] = []
    left: list[int] = []
    for sequence in sequences:
        need = len(sequence) - 1
        at = next((at for at, room in enumerate(left) if room >= need), None)
        if at is None:
            rows.append([sequence])
            left.append(width - need)
        else:
            rows[at].append(sequence)
            left[at] -= need
    return rows


def batches_of_like_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of all sequences in batches of similar length, shortest first."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * lengths[index] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
