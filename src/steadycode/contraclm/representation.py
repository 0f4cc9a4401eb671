"""What the contrastive terms are meant to improve, measured in one call each.

The definitions are those of ``measures.representation`` and ``measures.search``.
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
    """The four figures of a model on ``documents``, by ``heldout.measure``."""
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
    """MAP in per cent of every ordered pair of languages, by ``search``.

    ``files``: language -> JSON lines with ``func`` or ``code``, ``label`` and ``index``.
    """
    sets = [search.read_programs(language, path) for language, path in files.items()]
    vectors = {
        one.language: search.embeddings(
            model, tokenizer, one, max_tokens=max_tokens, strip=strip, on_progress=on_progress
        )
        for one in sets
    }
    return search.search_map(sets, vectors)
