"""Documents to training batches: cut at line ends, masked exactly, in a seeded endless order."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steadycode.errors import DataError, ModelError
from steadycode.randomness import derive_seed

IGNORED = -100
"""The target of a position that is not scored (torch's own convention)."""
WINDOW = 1024
"""Sequences shuffled together: a long document's pieces do not fill one batch."""


Row = Sequence[Sequence[int]]
"""Sequences of ids that share a row of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Right-padded rows: ``inputs`` and ``targets`` int64 [B, T], ``mask`` bool [B, T].

    ``targets[b, t]`` follows ``inputs[b, t]``; both are real where the mask is True, and nowhere
    else. The mask comes from the sequences' lengths, since padding may share its id with real
    tokens. ``scored`` int64 [N] holds the same places as b * T + t, and ``lengths`` how many of
    them each sequence has, one after the other: a GPU need not be waited for to know them. Where a
    row holds several sequences, ``positions`` int64 [B, T] begin at 0 in each; else it is None.
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
    """A batch as wide as its longest row needs; a sequence of n ids gives n - 1 targets.

    No rows give one of padding alone: a process without a share of a batch still takes part.
    """
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
    """Rows of several sequences, at most ``width`` targets each: first fit, in the order given.

    Not the longest first: rows that are compared with one another should not be alike in length.
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


def training_sequences(
    tokenizer: Any, documents: Sequence[str], sequence_length: int, seed: int
) -> Iterator[list[int]]:
    """Sequences of 2 to ``sequence_length`` + 1 ids, epoch after epoch, without end.

    Each epoch goes through all documents in an order of its own and holds each sequence once;
    only what is drawn is tokenised, ``WINDOW`` sequences ahead. Raises DataError when no document
    holds two tokens.
    """
    epoch = 0
    while True:
        shuffle = random.Random(derive_seed(seed, "epoch", epoch)).shuffle
        order = list(range(len(documents)))
        shuffle(order)
        cut = (
            piece
            for index in order
            for piece in cut_document(tokenizer, documents[index], sequence_length)
        )
        window: list[list[int]] = []
        drawn = 0
        for piece in cut:
            window.append(piece)
            if len(window) == WINDOW:
                shuffle(window)
                drawn += len(window)
                yield from window
                window = []
        shuffle(window)
        drawn += len(window)
        yield from window
        if not drawn:
            raise DataError(
                f"nothing to train on: none of {len(documents)} documents has two tokens"
            )
        epoch += 1


def cut_document(tokenizer: Any, document: str, sequence_length: int) -> list[list[int]]:
    """The document's ids and its end-of-text id as sequences of at most ``sequence_length`` + 1.

    Cut behind the last token with a line end that fits, or in the middle of a longer line. Each
    sequence begins with the last id of the one before it, so that every id but the document's
    first is a target exactly once. Special tokens written out in the text stay plain text.
    """
    ids, line_ends = _encode(tokenizer, document)
    pieces = []
    start = 0
    while start < len(ids) - 1:
        end = min(start + sequence_length, len(ids) - 1)
        if end < len(ids) - 1:
            end = next((at for at in range(end, start, -1) if line_ends[at]), end)
        pieces.append(ids[start : end + 1])
        start = end
    return pieces


def encode(tokenizer: Any, document: str) -> list[int]:
    """The document's ids: no special token added, none read out of the text."""
    ids: list[int] = tokenizer(
        document, add_special_tokens=False, split_special_tokens=True
    ).input_ids
    return ids


def end_of_text(tokenizer: Any) -> int:
    """Raises ModelError when the tokenizer has no end-of-text token."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "the model's tokenizer has no end-of-text token, so it cannot learn to stop;"
            " set eos_token in its tokenizer_config.json"
        )
    return int(tokenizer.eos_token_id)


def read_documents(path: Path, limit: int | None = None) -> list[str]:
    """``content`` of every row, or of ``limit`` rows spread evenly over the file.

    Evenly, because neighbouring rows come from one package. Raises DataError naming the line.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            documents = [
                _content(line, path, number) for number, line in enumerate(lines, 1) if line.strip()
            ]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the documents in {path}: {error}") from error
    if not documents:
        raise DataError(f"{path} holds no documents; build the data first")
    return documents if limit is None else evenly(documents, limit)


def evenly(documents: Sequence[str], limit: int) -> list[str]:
    """At most ``limit`` documents, equally far from one another."""
    count = min(limit, len(documents))
    return [documents[i * len(documents) // count] for i in range(count)]


def _content(line: str, path: Path, number: int) -> str:
    try:
        content = json.loads(line)["content"]
        content.encode()  # a lone surrogate has no bytes and no tokens
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}, line {number}: not a JSON object with text under 'content'"
        ) from error
    return str(content)


def _encode(tokenizer: Any, document: str) -> tuple[list[int], list[bool]]:
    """Ids with the end-of-text id behind them, and for each whether a line ends in it."""
    encoded = tokenizer(
        document,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
    )
    line_ends = ["\n" in document[start:end] for start, end in encoded.offset_mapping]
    return [*encoded.input_ids, end_of_text(tokenizer)], [*line_ends, False]
