"""One optimiser step's sequences as micro-batches, shared among processes.

Every process sees all sequences of the step, so that each knows, without asking, over how many
tokens and sequences the terms are averaged, and how many rows the others hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from steadycode.models.batches import Batch, Row, collate, packed


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    batch: Batch
    """This process's rows."""
    counts: tuple[int, ...]
    """Sequences of each process."""

    @property
    def sequences(self) -> int:
        """Of all processes."""
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
    """Process ``process``'s share of ``sequences``: at most ``rows_each`` rows at a time.

    As many micro-batches in every process, and together they hold each sequence once; a process
    that the last one leaves without rows gets one of padding. With ``pack_width`` rows hold as
    many sequences as fit into that many tokens.
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
