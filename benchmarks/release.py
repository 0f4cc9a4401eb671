"""Style release beside the published rows: how many are equal, parse, and are unchanged.

    STEADYCODE_SHARED=../shared python benchmarks/release.py --seeds 5

Makes every perturbation that needs no model for all problems of HumanEval and, where
``$STEADYCODE_SHARED/data/recode/mbpp.jsonl`` is there, of MBPP. ``--published FOLDER`` (default:
``perturbed_finalized`` beside that file) holds published rows; a perturbation without any has
blanks in their place. From a published file of VarRenamerCB or BackTranslation, names and
translations are taken, and the rest of the row is ours.
"""

import argparse
import ast
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from steadycode.problems import Problem, load_problems
from steadycode.recode import PERTURBATIONS, Benchmark, build_benchmark
from steadycode.recode.perturbations import names_of
from steadycode.recode.replay import replay_names, replay_translation
from steadycode.recode.variant import Plugins
from steadycode.views.readable import Readable, figure, name


@dataclass(frozen=True, slots=True)
class Row:
    """What counts of a row, ours or a published one."""

    prompt: str
    canonical_solution: str
    entry_point: str

    def parses(self) -> bool:
        try:
            ast.parse(self.prompt + self.canonical_solution)
        except (SyntaxError, ValueError):
            return False
        return True


def main() -> None:
    shared = Path(os.environ.get("STEADYCODE_SHARED", "../shared")) / "data/recode"
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--published", type=Path, default=shared / "perturbed_finalized")
    options = parser.parse_args()
    sets = {"humaneval": load_problems("humaneval")}
    if (mbpp := shared / "mbpp.jsonl").is_file():
        sets["mbpp"] = load_problems(str(mbpp), check_programs=False)
    for dataset, problems in sets.items():
        files = {path.name: path for path in options.published.rglob(f"{dataset}_*_s*.jsonl")}
        benchmark = _ours(problems, dataset, files, options.seeds)
        Console().print(Readable(_table(dataset, benchmark, files)))


def _ours(
    problems: Sequence[Problem], dataset: str, files: dict[str, Path], seeds: int
) -> Benchmark:
    names, translations = (
        files.get(f"{dataset}_{kind}_s0.jsonl") for kind in ("VarRenamerCB", "BackTranslation")
    )
    plugins = Plugins(
        name=replay_names(names) if names else None,
        translate=replay_translation(translations) if translations else None,
    )
    return build_benchmark(problems, None, seeds, "release", plugins=plugins)


def _table(dataset: str, benchmark: Benchmark, files: dict[str, Path]) -> Table:
    headings = ("rows", "unchanged %", "parse %", "published", "equal", "unchanged %", "parse %")
    table = Table(name("perturbation"), *map(figure, headings), title=f"{dataset}, style release")
    nominal = {
        mode: {p.task_id: _row(p) for p in problems}
        for mode, problems in (("full", benchmark.nominal), ("partial", benchmark.partial))
    }
    for key in (k for k in names_of("release") if k in benchmark.perturbations):
        before = nominal[PERTURBATIONS[key].mode]
        ours = {(v.task_id, v.seed): _row(v) for v in benchmark.variants if v.perturbation == key}
        theirs = _published(dataset, key, {seed for _, seed in ours}, files)
        cells = _shares(ours.items(), before)
        if theirs:
            equal = sum(ours.get(where) == row for where, row in theirs.items())
            published = _shares(theirs.items(), before)
            cells = [*cells, published[0], str(equal), *published[1:]]
        table.add_row(key, *cells, *[""] * (len(headings) - len(cells)))
    return table


def _published(
    dataset: str, key: str, seeds: Iterable[int], files: dict[str, Path]
) -> dict[tuple[str, int], Row]:
    rows = {}
    for seed in seeds:
        if path := files.get(f"{dataset}_{key}_s{seed}.jsonl"):
            for line in path.read_text(encoding="utf-8").split("\n"):
                if line:
                    row = json.loads(line)
                    rows[row["task_id"], seed] = Row(*(row[field] for field in Row.__slots__))
    return rows


def _shares(rows: Iterable[tuple[tuple[str, int], Row]], before: dict[str, Row]) -> list[str]:
    """How many rows there are, the share that is as before, and the share that parses."""
    known = list(rows)
    same = sum(row == before[task] for (task, _), row in known)
    parsed = sum(row.parses() for _, row in known)
    return [str(len(known)), *(f"{100 * part / len(known):.1f}" for part in (same, parsed))]


def _row(problem: Problem) -> Row:
    return Row(problem.prompt, problem.canonical_solution, problem.entry_point)


if __name__ == "__main__":
    main()
