"""Code-to-code search without training: do a model's vectors find other solutions of a problem?

The protocol is that of UniXcoder's zero-shot benchmark (Guo et al., ACL 2022), by which ContraCLM
was judged. Comments and docstrings are stripped and whitespace is collapsed; an end-of-text id is
put before and after the program, which makes at most ``max_tokens`` ids; the embedding is the mean
of the last hidden states over all of them, scaled to length 1. Every program is a query: the
candidates of the other (or the same) set are ranked by cosine, and those with its label are hits.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steadycode.errors import DataError
from steadycode.json_lines import json_lines
from steadycode.measures.embedding import embed
from steadycode.measures.stripping import stripped
from steadycode.models.tokens import encode, end_of_text

MAX_TOKENS = 512
_CELLS = 1 << 24
"""The most similarities held at a time: 64 MiB in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The programs of one language."""

    language: str
    codes: tuple[str, ...]
    labels: tuple[str, ...]
    """The problem that each program solves."""
    indices: tuple[str, ...]
    """What tells each program from all others, so that no query finds itself."""


def read_programs(language: str, path: Path) -> Programs:
    """Read JSON lines with ``func`` or ``code``, ``label`` and perhaps ``index``.

    The dumps of CodeNet have this form. Programs without ``index`` are told apart by their line.
    Raises DataError, naming the line, when a row is not of this form.
    """
    codes, labels, indices = [], [], []
    for place, row in json_lines(path):
        code, label = row.get("func", row.get("code")), row.get("label")
        if not isinstance(code, str) or not isinstance(label, str | int):
            raise DataError(
                f"{place}: wanted a JSON object with the program under 'func' or 'code' and its"
                " problem under 'label'"
            )
        codes.append(code)
        labels.append(str(label))
        indices.append(str(row.get("index", Path(place).name)))
    if not codes:
        raise DataError(f"{path} holds no programs")
    return Programs(
        language=language, codes=tuple(codes), labels=tuple(labels), indices=tuple(indices)
    )


def embeddings(
    model: Any,
    tokenizer: Any,
    programs: Programs,
    *,
    max_tokens: int = MAX_TOKENS,
    strip: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Each program's vector, of length 1: float32 [programs, D] on the CPU. ``strip`` removes
    comments and docstrings first."""
    end = end_of_text(tokenizer)
    codes = programs.codes
    if strip:
        codes = tuple(stripped(code, programs.language) for code in codes)
    sequences = [[end, *encode(tokenizer, code)[: max_tokens - 2], end] for code in codes]
    return embed(model, sequences, on_progress=on_progress)


def mean_average_precision(
    queries: Tensor,
    candidates: Tensor,
    query_labels: Sequence[str],
    candidate_labels: Sequence[str],
    query_indices: Sequence[str] | None = None,
    candidate_indices: Sequence[str] | None = None,
) -> float:
    """Mean average precision (MAP), in per cent, of queries [Q, D] among candidates [C, D].

    All vectors have length 1. A query's average precision is the mean, over all its hits, of the
    precision at each hit. A candidate with the query's own index is left out, and a query without
    a hit is skipped; the result is NaN when all are. Of equally similar candidates the earlier one
    ranks first.
    """
    vocabulary = {label: at for at, label in enumerate(dict.fromkeys(candidate_labels))}
    wanted = torch.tensor([vocabulary.get(label, -1) for label in query_labels])
    offered = torch.tensor([vocabulary[label] for label in candidate_labels])
    own = _own(query_indices, candidate_indices, len(queries))
    average_precisions: list[float] = []
    rows = max(1, _CELLS // max(len(candidates), 1))
    for start in range(0, len(queries), rows):
        stop = min(start + rows, len(queries))
        similarity = queries[start:stop] @ candidates.T
        hits = wanted[start:stop, None] == offered[None]
        here = [(at, column) for at, column in own if start <= at < stop]
        for at, column in here:
            similarity[at - start, column] = -math.inf
            hits[at - start, column] = False
        order = similarity.sort(dim=1, descending=True, stable=True).indices
        ranked = hits.gather(1, order)
        ranks = torch.arange(1, ranked.shape[1] + 1)
        precision = ranked.cumsum(1) / ranks * ranked
        counts = ranked.sum(1)
        some = counts > 0
        average_precisions += (precision.double().sum(1)[some] / counts[some]).tolist()
    if not average_precisions:
        return math.nan
    return 100 * math.fsum(average_precisions) / len(average_precisions)


def search_map(
    sets: Sequence[Programs], vectors: Mapping[str, Tensor]
) -> dict[tuple[str, str], float]:
    """The MAP, in per cent, of every pair (language of the queries, language of the candidates);
    ``vectors`` holds the programs' embeddings by language."""
    return {
        (query.language, candidate.language): mean_average_precision(
            vectors[query.language],
            vectors[candidate.language],
            query.labels,
            candidate.labels,
            query.indices,
            candidate.indices,
        )
        for query, candidate in product(sets, sets)
    }


def overall(maps: Mapping[tuple[str, str], float]) -> float:
    """The plain mean over all pairs of languages that have a value; NaN when none has."""
    values = [value for value in maps.values() if not math.isnan(value)]
    return math.fsum(values) / len(values) if values else math.nan


def metrics(maps: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """The values by MLflow name, representation/search_map/QUERIES-CANDIDATES and .../overall;
    pairs without a value are left out."""
    named = {f"{query}-{candidate}": value for (query, candidate), value in maps.items()}
    named["overall"] = overall(maps)
    return {
        f"representation/search_map/{name}": value
        for name, value in named.items()
        if not math.isnan(value)
    }


def _own(
    queries: Sequence[str] | None, candidates: Sequence[str] | None, count: int
) -> list[tuple[int, int]]:
    """Each pair of a query's row and a candidate's column that are the same program."""
    if queries is None or candidates is None:
        return []
    places: dict[str, list[int]] = {}
    for column, index in enumerate(candidates):
        places.setdefault(index, []).append(column)
    return [(at, column) for at in range(count) for column in places.get(queries[at], [])]


def languages(pairs: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Read pairs that a command line gives as LANGUAGE=FILE. Raises DataError for others."""
    for pair in pairs:
        language, sign, path = pair.partition("=")
        if not sign or not language.isidentifier() or not path:
            raise DataError(f"{pair!r}: write LANGUAGE=FILE, for instance python=python.jsonl")
        yield language, Path(path)
