"""Code search over HumanEval-X: mean average precision of models for every pair of languages.

    python benchmarks/code_search.py base=smollm2-135m-instruct both=runs/both/model ...

A program is HumanEval-X's declaration and canonical solution, without the docstring, which the six
languages share. A query's hit is the solution of the same problem. Each problem is solved once in a
language, so a pair of a language with itself has no hit; 30 ordered pairs have. Protocol and
figures are those of ``steadycode measure search``. ``STEADYCODE_SHARED`` names the folder that
holds ``data/humaneval-x``. ``--limit N`` takes only the first N problems, for a quick look.
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
from steadycode.registry.store import open_store
from steadycode.retraining.preflight import resolve_model
from steadycode.views.console import aside

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
    project, console = find_project(), Console(stderr=True)
    folder = resolve_model(
        project, spec, lambda: open_store(project, Config().experiment), aside(console)
    )
    model = load(folder, "float32", pick_device())
    vectors = {
        programs.language: embeddings(model.model, model.tokenizer, programs)
        for programs in track(sets, description=name, console=console)
    }
    return search_map(sets, vectors)


def table(maps_by_model: dict[str, dict[tuple[str, str], float]]) -> str:
    """A markdown table of each model's figures in per cent, with the mean of all pairs below."""
    lines = ["| query → candidates | " + " | ".join(maps_by_model) + " |"]
    lines.append("|---|" + "---:|" * len(maps_by_model))
    for query, candidate in permutations(LANGUAGES, 2):
        values = [f"{maps[query, candidate]:.2f}" for maps in maps_by_model.values()]
        lines.append(f"| {query} → {candidate} | " + " | ".join(values) + " |")
    means = [f"**{overall(maps):.2f}**" for maps in maps_by_model.values()]
    lines.append("| **all pairs** | " + " | ".join(means) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    folder = Path(os.environ.get("STEADYCODE_SHARED", "../shared")) / "data" / "humaneval-x"
    sets = [read(folder, language, options.limit) for language in LANGUAGES]
    maps_by_model = {}
    for pair in options.models:
        name, sign, spec = pair.partition("=")
        if not sign:
            parser.error(f"{pair!r}: write NAME=MODEL")
        maps_by_model[name] = measure(spec, sets, name)
    print(f"HumanEval-X, {len(sets[0].codes)} problems, MAP in per cent\n\n{table(maps_by_model)}")


if __name__ == "__main__":
    main()
