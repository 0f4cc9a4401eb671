"""Semantic textual similarity: do cosines rank pairs of sentences as people do?

The protocol is that of the published evaluation: a sentence's embedding is the mean of the last
hidden states of its first 64 tokens, and the figure is Spearman's correlation of the cosines and
people's scores over all pairs of a file.
"""

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steadycode.errors import DataError
from steadycode.json_lines import json_object, text_lines
from steadycode.measures.embedding import embed
from steadycode.models.tokens import encode

MAX_TOKENS = 64
_COLUMNS = ("sentence1", "sentence2", "score")
_ORIGINAL = 7
"""How many columns STS-B's own files have at least: genre, file, year, id, score, two sentences."""


@dataclass(frozen=True, slots=True)
class Pair:
    sentence1: str
    sentence2: str
    score: float


def read_pairs(path: Path) -> list[Pair]:
    """Read the pairs of a file in the form of STS-B.

    Its lines are tab-separated with a header that names sentence1, sentence2 and score (as GLUE
    has it), or without one (genre, file, year, id, score, sentence, sentence), or they are JSON
    objects with these three keys. Raises DataError, naming the line, when one is not of its form,
    and when there are fewer than two pairs.
    """
    pairs = []
    for place, row in _rows(list(text_lines(path))):
        try:
            pair = Pair(str(row["sentence1"]), str(row["sentence2"]), float(row["score"]))
            if not math.isfinite(pair.score) or not pair.sentence1.strip() + pair.sentence2.strip():
                raise ValueError
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{place}: wanted sentence1, sentence2 and a number as score, tab-separated or as a"
                " JSON object"
            ) from error
        pairs.append(pair)
    if len(pairs) < 2:
        raise DataError(f"{path} holds {len(pairs)} pairs; a correlation needs two or more")
    return pairs


def spearman(
    model: Any,
    tokenizer: Any,
    pairs: list[Pair],
    *,
    max_tokens: int = MAX_TOKENS,
    on_progress: Callable[[int, int], None] | None = None,
) -> float:
    """Spearman's correlation (-1 to 1) of cosines and scores; NaN when either are all equal. Raises
    DataError for a sentence that has no token."""
    sentences = [text for pair in pairs for text in (pair.sentence1, pair.sentence2)]
    sequences = [encode(tokenizer, text)[:max_tokens] for text in sentences]
    for text, ids in zip(sentences, sequences, strict=True):
        if not ids:
            raise DataError(f"the sentence {text!r} has no tokens; remove its pair")
    vectors = embed(model, sequences, on_progress=on_progress)
    cosines = (vectors[::2] * vectors[1::2]).sum(1).tolist()
    return rank_correlation(cosines, [pair.score for pair in pairs])


def rank_correlation(a: list[float], b: list[float]) -> float:
    """Spearman's correlation of two lists, in which equal values share their mean rank."""
    ranks = [pd.Series(values).rank() for values in (a, b)]
    if any(rank.nunique() < 2 for rank in ranks):
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def _rows(lines: list[tuple[str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row with its place; a row with too few columns is empty."""
    if lines and lines[0][1].lstrip().startswith("{"):
        yield from ((place, json_object(line, place)) for place, line in lines)
        return
    cells = [next(csv.reader([line], delimiter="\t", quoting=csv.QUOTE_NONE)) for _, line in lines]
    header = cells[0] if cells else []
    named = set(_COLUMNS) <= set(header)
    for (place, _), row in zip(lines[named:], cells[named:], strict=True):
        if named:
            yield place, dict(zip(header, row, strict=False))
        elif len(row) >= _ORIGINAL:
            yield place, {"score": row[4], "sentence1": row[5], "sentence2": row[6]}
        else:
            yield place, {}
