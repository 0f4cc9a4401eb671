"""Code-to-code search without training: how well a model's vectors find the same problem solved.

Protocol of the zero-shot benchmark of UniXcoder (Guo et al., ACL 2022), by which ContraCLM was
judged: comments and docstrings are stripped and whitespace is collapsed; an end-of-text id stands
before and behind the program; at most ``max_tokens`` ids; the embedding is the mean of the last
hidden states over all of them, scaled to length 1. Every program is a query; the candidates of
the other (or the same) set are ranked by cosine; those with the query's label are hits.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steadycode.errors import DataError
from steadycode.measures.embedding import embed
from steadycode.measures.stripping import stripped
from steadycode.models.tokens import encode, end_of_text

MAX_TOKENS = 512
_CELLS = 1 << 24
"""Similarities held at a time: 64 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """One language's programs. Equal ``labels``: solutions of one problem."""

    language: str
    codes: tuple[str, ...]
    labels: tuple[str, ...]
    indices: tuple[str, ...]
    """What tells a program from all others; a candidate with the query's own is left out."""


def read_programs(language: str, path: Path) -> Programs:
    """JSON lines with ``func`` or ``code``, ``label`` and, if there is one, ``index``.

    As the dumps of CodeNet have them; without ``index`` the line tells programs apart. Raises
    DataError naming the line.
    """
    codes, labels, indices = [], [], []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the programs in {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            code = row["func"] if "func" in row else row["code"]
            label = row["label"]
            if not isinstance(code, str) or not isinstance(label, str | int):
                raise TypeError
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: wanted a JSON object with the program under 'func' or"
                " 'code' and its problem under 'label'"
            ) from error
        codes.append(code)
        labels.append(str(label))
        indices.append(str(row.get("index", f"{path.name}:{number}")))
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
    """float32 [programs, D], rows of length 1, on the CPU. ``strip`` as the protocol has it."""
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
    """MAP in per cent of unit vectors [Q, D] against [C, D]; nan when no query has a hit.

    A query's average precision is the mean of the precision at each of its hits, over all hits.
    A candidate whose index is the query's own is left out. Queries without a hit are skipped.
    Of equally similar candidates the earlier one ranks first. Never more than ``_CELLS``
    similarities are held.
    """
    vocabulary = {label: at for at, label in enumerate(dict.fromkeys(candidate_labels))}
    wanted = torch.tensor([vocabulary.get(label, -1) for label in query_labels])
    offered = torch.tensor([vocabulary[label] for label in candidate_labels])
    own = _own(query_indices, candidate_indices, len(queries))
    found: list[float] = []
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
        found += (precision.double().sum(1)[some] / counts[some]).tolist()
    return 100 * math.fsum(found) / len(found) if found else math.nan


def search_map(
    sets: Sequence[Programs], vectors: Mapping[str, Tensor]
) -> dict[tuple[str, str], float]:
    """MAP of every ordered pair (language of the queries, of the candidates), in per cent."""
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
    """The plain mean over all pairs that have a value."""
    values = [value for value in maps.values() if not math.isnan(value)]
    return math.fsum(values) / len(values) if values else math.nan


def metrics(maps: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """As MLflow names them: representation/search_map/QUERIES-CANDIDATES, and overall."""
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
    """Query row and candidate column that are the same program."""
    if queries is None or candidates is None:
        return []
    places: dict[str, list[int]] = {}
    for column, index in enumerate(candidates):
        places.setdefault(index, []).append(column)
    return [(at, column) for at in range(count) for column in places.get(queries[at], [])]


def languages(pairs: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """``LANGUAGE=FILE`` as a command line has it. Raises DataError."""
    for pair in pairs:
        language, sign, path = pair.partition("=")
        if not sign or not language.isidentifier() or not path:
            raise DataError(f"{pair!r}: write LANGUAGE=FILE, for instance python=python.jsonl")
        yield language, Path(path)
