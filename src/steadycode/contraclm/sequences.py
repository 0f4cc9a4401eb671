"""Turns documents into training sequences: cut at line ends, in a seeded order without end."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from steadycode.errors import DataError
from steadycode.models.tokens import beginning, end_of_text
from steadycode.randomness import derive_seed

WINDOW = 1024
"""How many sequences are shuffled together, so that no long document's pieces fill one batch."""


def training_sequences(
    tokenizer: Any, documents: Sequence[str], sequence_length: int, seed: int
) -> Iterator[list[int]]:
    """Yield sequences of 2 to ``sequence_length`` + 1 ids, epoch after epoch, without end.

    Each epoch goes through all documents in an order of its own and yields each sequence once.
    Documents are tokenised only as they are needed, ``WINDOW`` sequences ahead. Raises DataError
    when no document holds two tokens.
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
    """What the tokenizer puts before every text, the document's ids and an end-of-text id, as
    sequences of at most ``sequence_length`` + 1.

    A sequence ends after the last token with a line end that still fits, or in the middle of a
    line that is longer than a sequence. Each sequence begins with the last id of the one before
    it, so that every id but the very first is a target exactly once. Special tokens that
    are written out in the text stay plain text.
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


def _encode(tokenizer: Any, document: str) -> tuple[list[int], list[bool]]:
    """All ids of the document, from what stands before every text to an end-of-text id, and for
    each whether a line ends in it."""
    encoded = tokenizer(
        document,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
    )
    line_ends = ["\n" in document[start:end] for start, end in encoded.offset_mapping]
    begin = beginning(tokenizer) if encoded.input_ids else ()
    ids = [*begin, *encoded.input_ids, end_of_text(tokenizer)]
    return ids, [*[False] * len(begin), *line_ends, False]
