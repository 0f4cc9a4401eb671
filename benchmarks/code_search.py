"""Code search over HumanEval-X: mean average precision of models for every pair of languages.

    python benchmarks/code_search.py base=smollm2-135m-instruct both=runs/both/model ...

A program is HumanEval-X's declaration and canonical solution (no docstring: the six languages
share it), a query's hit the solution of the same problem. Each problem is solved once in a
language, so a pair of a language with itself has no hit; 30 ordered pairs have. Protocol and
figures as in ``steadycode measure search``. ``STEADYCODE_SHARED`` names the folder with
``data/humaneval-x``. ``--limit N`` takes the first N problems, for a look.
"""

import argparse
import gzip
import json
import os
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from rich.console import Console
from rich.progress import track

from steadycode.config import Config
from steadycode.measures.search import Programs, embeddings, overall, search_map
from steadycode.models import load, pick_device
from steadycode.project import find_project
from steadycode.retraining.context import resolve_model

LANGUAGES = ("python", "java", "js", "cpp", "go", "rust")


def read(folder: Path, language: str, limit: int | None) -> Programs:
    with gzip.open(folder / f"humaneval_{language}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:limit]
    return Programs(
        language=language,
        codes=tuple(row["declaration"] + row["canonical_solution"] for row in rows),
        labels=tuple(row["task_id"].split("/")[1] for row in rows),
        indices=tuple(row["task_id"] for row in rows),
    )


def measure(spec: str, sets: Sequence[Programs], name: str) -> dict[tuple[str, str], float]:
    folder = resolve_model(find_project(), Config(), spec, Console(stderr=True))
    model = load(folder, "float32", pick_device())
    console = Console(stderr=True)
    vectors = {
        one.language: embeddings(model.model, model.tokenizer, one)
        for one in track(sets, description=name, console=console)
    }
    return search_map(sets, vectors)


def table(found: dict[str, dict[tuple[str, str], float]]) -> str:
    """Markdown, in per cent; the last row is the mean of the 30 pairs."""
    lines = ["| query → candidates | " + " | ".join(found) + " |"]
    lines.append("|---|" + "---:|" * len(found))
    for query, candidate in permutations(LANGUAGES, 2):
        values = [f"{maps[query, candidate]:.2f}" for maps in found.values()]
        lines.append(f"| {query} → {candidate} | " + " | ".join(values) + " |")
    means = [f"**{overall(maps):.2f}**" for maps in found.values()]
    lines.append("| **all pairs** | " + " | ".join(means) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    folder = Path(os.environ.get("STEADYCODE_SHARED", "../shared")) / "data" / "humaneval-x"
    sets = [read(folder, language, given.limit) for language in LANGUAGES]
    found = {}
    for pair in given.models:
        name, sign, spec = pair.partition("=")
        if not sign:
            parser.error(f"{pair!r}: write NAME=MODEL")
        found[name] = measure(spec, sets, name)
    print(f"HumanEval-X, {len(sets[0].codes)} problems, MAP in per cent\n\n{table(found)}")


if __name__ == "__main__":
    main()
