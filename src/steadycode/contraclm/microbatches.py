"""Splits the sequences of one optimiser step into micro-batches and shares them among processes.

Every process sees all sequences of the step. So each knows, without asking the others, over how
many tokens and sequences the terms are averaged, and how many rows the others hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from steadycode.models.batches import Batch, Row, collate, packed


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    batch: Batch
    """The rows of this process."""
    counts: tuple[int, ...]
    """The number of sequences that each process holds."""

    @property
    def sequences(self) -> int:
        """The number of sequences that all processes hold together."""
        return sum(self.counts)


def micro_batches(
    sequences: Sequence[Sequence[int]],
    rows_each: int,
    pad_id: int,
    *,
    pack_width: int | None = None,
    process: int = 0,
    processes: int = 1,
) -> list[MicroBatch]:
    """The micro-batches of process number ``process``, each of at most ``rows_each`` rows.

    Every process gets as many micro-batches, and together they hold each sequence once. A process
    for which the last micro-batch has no rows left gets a row of padding. Without ``pack_width``
    each row is one sequence; with it a row holds as many sequences as fit into that many tokens.
    """
    rows: Sequence[Row]
    rows = [[ids] for ids in sequences] if pack_width is None else packed(sequences, pack_width)
    micros = []
    for start in range(0, len(rows), rows_each * processes):
        chosen = rows[start : start + rows_each * processes]
        shares = [chosen[at * rows_each : (at + 1) * rows_each] for at in range(processes)]
        micros.append(
            MicroBatch(
                batch=collate(shares[process], pad_id),
                counts=tuple(sum(len(row) for row in share) for share in shares),
            )
        )
    return micros
