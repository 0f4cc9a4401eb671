"""A benchmark on disk, in the layout of the public ReCode release, with hashes beside it.

A folder has two files in ``nominal/``, one for each perturbation and seed, and ``manifest.json``.
Rows of style release hold what the release holds; those of style sound have the other fields of a
Variant as extra keys. Without a manifest, the folder (or a single perturbed file) is taken for a
published one.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from steadycode.errors import DataError
from steadycode.files import replacing, replacing_folder, sha256_file
from steadycode.json_lines import text_lines
from steadycode.problems import Problem, load_problems, parse_problem
from steadycode.recode.benchmark import Benchmark, Rejected
from steadycode.recode.perturbations import PERTURBATIONS, nominal_of
from steadycode.recode.published.frame import with_marker
from steadycode.recode.variant import Group, Style, Variant, mode_of
from steadycode.records import read_record, write_record

SCHEMA = 2
_FOLDERS: dict[Group, str] = {
    "docstring": "nlaugmenter",
    "function_name": "func_name",
    "syntax": "natgen",
    "format": "format",
}
_GROUPS = {folder: group for group, folder in _FOLDERS.items()}
_NOMINAL = {"humaneval": "HumanEval", "mbpp": "mbpp_wtest"}
_ORDERS = {"mbpp": ("task_id", "prompt", "canonical_solution", "entry_point", "test")}
_FILE = re.compile(r"(?P<dataset>[^_]+)_(?P<name>\w+)_s(?P<seed>\d+)\.jsonl")


@dataclass(frozen=True, slots=True)
class _Base:
    """The nominal problem of a task and its half, from which all rows of the task are written."""

    dataset: str
    problem: Problem
    half: Problem

    def row(self, problem: Problem) -> dict[str, Any]:
        order = _ORDERS.get(self.dataset, tuple(Problem.__slots__))
        row = {field: getattr(problem, field) for field in order}
        if self.dataset == "mbpp":
            row["completion"] = self.problem.canonical_solution
        return row

    def marked(self) -> dict[str, Any]:
        same = self.half.prompt == self.problem.prompt
        whole = None if same else with_marker(self.half.prompt, self.half.canonical_solution)
        return {"partial": whole}

    def variant(self, variant: Variant) -> dict[str, Any]:
        row = self.row(variant)
        if variant.group == "docstring":
            row |= {"seed": variant.seed, "perturbed": variant.changed}
        elif variant.group in ("syntax", "format"):
            row |= self.marked()
        if variant.style == "sound":
            extra = asdict(variant)
            row |= {key: extra[key] for key in extra if key not in row}
        return row


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    """The file ``manifest.json``: hashes of the other files, and all that none of them holds."""

    content_hash: str
    nominal: tuple[str, str]
    variants: tuple[tuple[str, Style], ...]
    sha256: Mapping[str, str]
    metadata: Mapping[str, Any]
    rejected: tuple[Rejected, ...]


def write_benchmark(benchmark: Benchmark, folder: Path) -> None:
    """Writes ``benchmark`` to ``folder``, which appears (or is replaced) only when complete."""
    with replacing_folder(folder) as temporary:
        dataset = _dataset(benchmark.nominal)
        pairs = zip(benchmark.nominal, benchmark.partial, strict=True)
        bases = {problem.task_id: _Base(dataset, problem, half) for problem, half in pairs}
        variants: dict[tuple[str, Style], list[dict[str, Any]]] = {}
        for row in benchmark.variants:
            name = f"{dataset}_{row.perturbation}_s{row.seed}.jsonl"
            path = f"perturbed_finalized/{dataset}/full/{_FOLDERS[row.group]}/{name}"
            variants.setdefault((path, row.style), []).append(bases[row.task_id].variant(row))
        nominal = _nominal_files(dataset)
        _write(temporary / nominal[0], (b.row(b.problem) for b in bases.values()))
        _write(temporary / nominal[1], (b.row(b.half) | b.marked() for b in bases.values()))
        for (name, _), rows in variants.items():
            _write(temporary / name, rows)
        names = [*nominal, *(name for name, _ in variants)]
        manifest = _Manifest(
            content_hash=benchmark.content_hash,
            nominal=nominal,
            variants=tuple(variants),
            sha256={name: sha256_file(temporary / name) for name in names},
            metadata=benchmark.metadata,
            rejected=benchmark.rejected,
        )
        write_record(temporary / "manifest.json", manifest, SCHEMA)


def benchmark_hash(folder: Path) -> str | None:
    """The content hash of the benchmark that ``write_benchmark`` wrote to ``folder``; None when
    nothing is there.

    Raises DataError when something else is there, of which a new benchmark would take the place.
    """
    if not folder.exists():
        return None
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if folder.is_dir() and not names:
        return None
    new = "name a new folder"
    try:
        manifest = read_record(folder / "manifest.json", _Manifest, SCHEMA, DataError, new)
    except DataError as fault:
        raise DataError(f"{folder} is not empty and holds no benchmark; {new}") from fault
    if others := sorted(names - {"manifest.json", *manifest.sha256}):
        raise DataError(f"{folder} holds {others[0]}, which is no part of a benchmark; {new}")
    return manifest.content_hash


def read_benchmark(folder: Path, problems: Sequence[Problem] | None = None) -> Benchmark:
    """Reads what ``write_benchmark`` wrote, or a published folder or file as it is.

    ``problems`` are the nominal problems, when a published folder does not hold them. Raises
    DataError when a file is missing, was changed, or is of another version; and, with file and
    line, when a row is no problem.
    """
    try:
        if (folder / "manifest.json").exists():
            return _read_own(folder)
        return _read_published(folder, problems)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fault = f"{type(error).__name__}: {error}"
        raise DataError(f"{folder} is not a benchmark ({fault}); build it again") from error


def _read_own(folder: Path) -> Benchmark:
    path = folder / "manifest.json"
    manifest = read_record(path, _Manifest, SCHEMA, DataError, "build the benchmark again")
    for name, expected in manifest.sha256.items():
        if sha256_file(folder / name) != expected:
            raise DataError(f"{folder / name} was changed; build the benchmark again")
    full, half = ([problem for _, problem in _rows(folder / name)] for name in manifest.nominal)
    benchmark = _benchmark(
        full,
        half,
        [(folder / name, style) for name, style in manifest.variants],
        rejected=manifest.rejected,
        metadata=manifest.metadata,
    )
    if benchmark.content_hash != manifest.content_hash:
        raise DataError(f"{path} does not match its files; build the benchmark again")
    return benchmark


def _read_published(path: Path, problems: Sequence[Problem] | None) -> Benchmark:
    files = [path] if path.is_file() else sorted(path.rglob("*_s*.jsonl"))
    files = [file for file in files if _FILE.fullmatch(file.name)]
    if not files:
        raise DataError(f"{path} is not a benchmark: no manifest.json and no published file in it")
    halves: list[Problem] = []
    full = list(problems or ())
    if problems is None:
        for dataset in dict.fromkeys(_parts(file)[0] for file in files):
            whole, half = (_upwards(path, name) for name in _nominal_files(dataset))
            if whole is None:
                name = _nominal_files(dataset)[0]
                raise DataError(f"{path}: there is no {name}; give the nominal problems")
            full += load_problems(str(whole), check_programs=False)
            halves += load_problems(str(half), check_programs=False) if half else []
    known = {half.task_id: half for half in halves}
    half_of = partial(nominal_of, mode="partial", style="release")
    names = [_parts(file)[1] for file in files]
    return _benchmark(
        full,
        [known.get(problem.task_id) or half_of(problem) for problem in full],
        [(file, "release") for file in files],
        metadata={"style": "release", "perturbations": list(dict.fromkeys(names))},
    )


def _upwards(path: Path, name: str) -> Path | None:
    """Returns the file ``name`` in ``path`` or the nearest folder above that has it, or None."""
    around = [path.resolve(), *path.resolve().parents]
    return next((folder / name for folder in around if (folder / name).is_file()), None)


def _benchmark(
    full: Sequence[Problem],
    half: Sequence[Problem],
    files: Iterable[tuple[Path, Style]],
    **rest: Any,
) -> Benchmark:
    nominal = {"full": {p.task_id: p for p in full}, "partial": {p.task_id: p for p in half}}
    return Benchmark(
        nominal=tuple(full),
        partial=tuple(half),
        variants=tuple(row for file, style in files for row in _variants(file, style, nominal)),
        **rest,
    )


def _variants(
    path: Path, style: Style, modes: Mapping[str, Mapping[str, Problem]]
) -> Iterator[Variant]:
    _, name, seed = _parts(path)
    group = _GROUPS.get(path.parent.name) or _group(path, name)
    nominal = modes[mode_of(group)]
    for where, row in _rows(path):
        if row.task_id not in nominal:
            raise DataError(f"{where}: no nominal problem {row.task_id!r}; give it or drop the row")
        yield Variant.of(
            nominal[row.task_id], row, perturbation=name, group=group, seed=seed, style=style
        )


def _group(path: Path, name: str) -> Group:
    if name not in PERTURBATIONS:
        raise DataError(f"{path}: no perturbation {name!r}; name it DATASET_NAME_sSEED.jsonl")
    return PERTURBATIONS[name].group


def _parts(path: Path) -> tuple[str, str, int]:
    """Returns the data set, perturbation and seed that a file's name gives."""
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise DataError(f"{path}: not a perturbed file's name, DATASET_NAME_sSEED.jsonl")
    return match["dataset"], match["name"], int(match["seed"])


def _rows(path: Path) -> Iterator[tuple[str, Problem]]:
    """Yields every row with its file and line."""
    for place, line in text_lines(path):
        yield place, parse_problem(line, place)


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes rows as the release has them: keys in their order, ASCII only."""
    with replacing(path) as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")


def _nominal_files(dataset: str) -> tuple[str, str]:
    return f"nominal/{_NOMINAL.get(dataset, dataset)}.jsonl", f"nominal/{dataset}_partial.jsonl"


def _dataset(problems: Sequence[Problem]) -> str:
    """Returns ``humaneval`` for ``HumanEval/0``, and ``problems`` for ids of several kinds."""
    kinds = {problem.task_id.partition("/")[0].lower() for problem in problems}
    name = kinds.pop() if len(kinds) == 1 else "problems"
    return re.sub(r"[^a-z0-9-]", "-", name) or "problems"
