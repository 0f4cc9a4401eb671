"""Measures, in one call each, what the contrastive terms are meant to improve.

The figures are defined in ``measures.representation`` and ``measures.search``.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from steadycode.measures import heldout, search
from steadycode.measures.representation import Representation, mean_cosine, uniformity

__all__ = ["Representation", "code_search", "mean_cosine", "measure", "uniformity"]


def measure(
    model: Any,
    tokenizer: Any,
    documents: Sequence[str],
    *,
    max_tokens: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """The four representation figures of a model on ``documents``, by name."""
    held_out = heldout.measure(
        model, tokenizer, documents, max_tokens=max_tokens, on_progress=on_progress
    )
    return dict(held_out.representation)


def code_search(
    model: Any,
    tokenizer: Any,
    files: Mapping[str, Path],
    *,
    max_tokens: int = 512,
    strip: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, str], float]:
    """Mean average precision, in per cent, of every pair (queries' language, candidates').

    ``files`` names for each language a file of JSON lines with ``func`` or ``code``, ``label`` and
    ``index``. With ``strip``, programs are compared without comments and docstrings.
    """
    sets = [search.read_programs(language, path) for language, path in files.items()]
    vectors = {
        programs.language: search.embeddings(
            model, tokenizer, programs, max_tokens=max_tokens, strip=strip, on_progress=on_progress
        )
        for programs in sets
    }
    return search.search_map(sets, vectors)
