"""A benchmark on disk, in the layout of the public ReCode release, with hashes beside it.

``nominal/DATASET.jsonl`` and ``nominal/DATASET_partial.jsonl``, then one file
``FOLDER/DATASET_PERTURBATION_sSEED.jsonl`` for each perturbation and seed, and ``manifest.json``.
Rows hold the release's fields and, for variants, ours as extra keys.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from steadycode.errors import DataError
from steadycode.files import read_json, read_jsonl, sha256_file, write_json, write_jsonl
from steadycode.problems import Problem
from steadycode.recode.benchmark import Benchmark, Rejected
from steadycode.recode.variant import Group, Variant

SCHEMA = 1
_FOLDERS: dict[Group, str] = {
    "docstring": "nlaugmenter",
    "function_name": "func_name",
    "syntax": "natgen",
    "format": "format",
}


def write_benchmark(benchmark: Benchmark, folder: Path) -> None:
    """Write ``benchmark`` to ``folder``, which appears (or is replaced) only when complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    temporary.chmod(0o755)
    try:
        dataset = _dataset(benchmark.nominal)
        nominal = [f"nominal/{dataset}.jsonl", f"nominal/{dataset}_partial.jsonl"]
        variants: dict[str, list[Variant]] = {}
        for row in benchmark.variants:
            name = f"{_FOLDERS[row.group]}/{dataset}_{row.perturbation}_s{row.seed}.jsonl"
            variants.setdefault(name, []).append(row)
        write_jsonl(temporary / nominal[0], benchmark.nominal)
        write_jsonl(temporary / nominal[1], benchmark.partial)
        for name, rows in variants.items():
            write_jsonl(temporary / name, rows)
        manifest = {
            "schema": SCHEMA,
            "content_hash": benchmark.content_hash,
            "nominal": nominal,
            "variants": list(variants),
            "sha256": {name: sha256_file(temporary / name) for name in [*nominal, *variants]},
            "metadata": benchmark.metadata,
            "rejected": [asdict(row) for row in benchmark.rejected],
        }
        write_json(temporary / "manifest.json", manifest)
        _take_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_benchmark(folder: Path) -> Benchmark:
    """Raises DataError when a file is missing, was changed, or is of another version."""
    path = folder / "manifest.json"
    try:
        manifest = read_json(path)
        if manifest["schema"] != SCHEMA:
            raise DataError(f"{path} was written by another version; build the benchmark again")
        for name, expected in manifest["sha256"].items():
            if sha256_file(folder / name) != expected:
                raise DataError(f"{folder / name} was changed; build the benchmark again")
        full, half = ([Problem(**row) for row in read_jsonl(folder / name)]
                      for name in manifest["nominal"])  # fmt: skip
        benchmark = Benchmark(
            nominal=tuple(full),
            partial=tuple(half),
            variants=tuple(
                Variant(**row) for name in manifest["variants"] for row in read_jsonl(folder / name)
            ),
            rejected=tuple(Rejected(**row) for row in manifest["rejected"]),
            metadata=manifest["metadata"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fault = f"{type(error).__name__}: {error}"
        raise DataError(f"{folder} is not a benchmark ({fault}); build it again") from error
    if benchmark.content_hash != manifest["content_hash"]:
        raise DataError(f"{path} does not match its files; build the benchmark again")
    return benchmark


def _dataset(problems: Sequence[Problem]) -> str:
    """``humaneval`` for ``HumanEval/0``; ``problems`` for ids of several kinds."""
    kinds = {problem.task_id.partition("/")[0].lower() for problem in problems}
    name = kinds.pop() if len(kinds) == 1 else "problems"
    return re.sub(r"[^a-z0-9-]", "-", name) or "problems"


def _take_place(temporary: Path, folder: Path) -> None:
    if folder.exists():
        old: Any = tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old.")
        folder.replace(Path(old) / "benchmark")
        temporary.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        temporary.replace(folder)
