"""Builds data/ from the recipe: the same bytes each time, swapped in only when complete."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from steadycode.corpus.built import BuildResult, Origin, Size
from steadycode.corpus.fingerprint import folder_md5
from steadycode.corpus.left_out import Files, Reason, Tally, most
from steadycode.corpus.lock import write_lock
from steadycode.corpus.pieces import Kind, Piece, cut, decode, first_beside
from steadycode.corpus.recipe import SPLITS, Recipe, SplitName
from steadycode.corpus.sources import Source, read_folder, read_package
from steadycode.errors import DataError
from steadycode.files import (
    remove,
    replacing_folder,
    sha256_json,
    sha256_text,
    take_place,
    temporary_beside,
    write_jsonl,
)
from steadycode.locks import locked
from steadycode.project import Project
from steadycode.temporaries import leftovers

Progress = Callable[[str, int, int], None]
"""A function that is called with what is being done, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of train.jsonl, valid.jsonl or test.jsonl. ``sha256`` is the hash of ``content``."""

    content: str
    package: str
    version: str
    path: str
    licence: str
    sha256: str
    kind: Kind


class _Collector:
    """Rows by split, exact duplicates removed: the first in (package, path) order stays."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.rows: dict[SplitName, list[Row]] = {name: [] for name in SPLITS}
        self.tally = Tally()
        self.seen = 0
        self.taken = 0
        self._contents: set[str] = set()

    def add(self, source: Source) -> None:
        names = {*source.files, *source.licence_texts, *source.left_out}
        self.seen += len(names)
        self.taken += len(source.licence_texts.keys() - source.files.keys())
        for path in sorted(source.files):
            rows = self._rows(source, path)
            self.taken += bool(rows)
            self.rows[self.recipe.split.of(source.name, path)].extend(rows)
        for path in sorted(source.left_out):
            self.tally.file(source.left_out[path], f"{source.name}/{path}")

    def _rows(self, source: Source, path: str) -> list[Row]:
        """The rows of one file. What is left out of it is counted: parts of a file that gives
        rows, else the file, for the reason that its first part has."""
        name = f"{source.name}/{path}"
        text = decode(source.files[path])
        pieces = None if text is None else cut(text, self.recipe.module_characters)
        if text is None or not pieces:
            self.tally.file(_fault_of_text(text, pieces), name)
            return []
        rows: list[Row] = []
        faults: list[tuple[Reason, int]] = []
        for piece in pieces:
            digest = sha256_text(piece.content)
            if fault := self._fault(piece.content, digest):
                faults.append((fault, piece.line))
                continue
            self._contents.add(digest)
            rows.append(_row(source, path, piece, digest))
        if not rows:
            self.tally.file(faults[0][0], name)
            return []
        if beside := first_beside(text, pieces):
            faults.append(("beside_definitions", beside))
        for reason, line in faults:
            self.tally.part(reason, f"{name}:{line}")
        return rows

    def _fault(self, content: str, digest: str) -> Reason | None:
        if not content.strip():
            return "empty"
        if len(content) < self.recipe.min_characters:
            return "too_short"
        if len(content) > self.recipe.max_characters:
            return "too_long"
        return "duplicate" if digest in self._contents else None


def _fault_of_text(text: str | None, pieces: list[Piece] | None) -> Reason:
    """Why a file has no piece: what ``decode`` and ``cut`` say of it."""
    if text is None:
        return "not_text"
    return "not_python" if pieces is None else "no_definition"


def _row(source: Source, path: str, piece: Piece, digest: str) -> Row:
    return Row(
        content=piece.content,
        package=source.name,
        version=source.version,
        path=path,
        licence=source.licence,
        sha256=digest,
        kind=piece.kind,
    )


def build(
    recipe: Recipe,
    project: Project,
    on_progress: Progress | None = None,
    accept: Callable[[BuildResult], None] | None = None,
) -> BuildResult:
    """Make ``project.data`` from ``recipe``, and write the lock that says so.

    An existing data/ is replaced once the new one is whole, and once ``accept``, which may raise
    an error, has been called with what was built. Raises DataError when a source cannot be had, or
    when no row is left.
    """
    with writing(project), temporary_beside(project.data) as aside:
        result = build_folder(recipe, project, aside, on_progress)
        if accept is not None:
            accept(result)
        take_place(aside, project.data)
        write_lock(project, recipe, result)
        return result


@contextmanager
def writing(project: Project) -> Iterator[None]:
    """Hold the lock of data/, which has one writer at a time. A replacement that was cut short is
    undone first. Raises DataError when data/ is nothing that can be replaced."""
    _require_replaceable(project.data)
    with locked(project.lock("data")):
        for left in leftovers(project.data):
            remove(left.path)
        yield


def _require_replaceable(data: Path) -> None:
    """Raise DataError where another folder could not take the place of ``data``, or must not."""
    if data.exists() and not data.is_dir():
        raise DataError(f"{data} is no folder; move it away, data/ is made there")
    if data.is_mount():
        raise DataError(
            f"{data} is the root of a mounted disk or volume, which no new data/ can take the "
            "place of; mount it elsewhere, and let data/ be a link to a folder inside it"
        )


def build_folder(
    recipe: Recipe, project: Project, folder: Path, on_progress: Progress | None = None
) -> BuildResult:
    """Make ``folder`` from ``recipe``, whatever it held before.

    Raises the same errors as ``build``, and then leaves ``folder`` as it was.
    """
    with replacing_folder(folder) as new:
        return _write(recipe, project, new, on_progress or _silent)


def _write(recipe: Recipe, project: Project, folder: Path, progress: Progress) -> BuildResult:
    collector = _Collector(recipe)
    origins = {}
    for source in _sources(recipe, project, progress):
        collector.add(source)
        origins[source.name] = _origin(source)
        _write_licences(source, folder / "LICENCES")
    if not any(collector.rows.values()):
        why = most(collector.tally.counts())
        raise DataError(f"the corpus recipe yields no row; check its sources and patterns{why}")
    for split, rows in collector.rows.items():
        write_jsonl(folder / f"{split}.jsonl", rows)
    return BuildResult(
        md5=folder_md5(folder),
        rows={split: len(rows) for split, rows in collector.rows.items()},
        packages=_sizes(row for rows in collector.rows.values() for row in rows),
        origins=origins,
        files=Files(seen=collector.seen, taken=collector.taken),
        left_out=collector.tally.counts(),
    )


def _origin(source: Source) -> Origin:
    digests = {path: hashlib.sha256(text).hexdigest() for path, text in source.files.items()}
    return Origin(source.version, len(digests), sha256_json(digests))


def _sources(recipe: Recipe, project: Project, progress: Progress) -> Iterator[Source]:
    """The sources in the order of their names, so that the order in the recipe changes nothing."""
    packages = {package.name: package for package in recipe.packages}
    folders = {folder.name: folder for folder in recipe.folders}
    names = sorted([*packages, *folders])
    for done, name in enumerate(names):
        progress(name, done, len(names))
        if name in packages:
            yield read_package(packages[name], project.downloads)
        else:
            yield read_folder(folders[name], project.root)
    progress("corpus", len(names), len(names))


def _write_licences(source: Source, folder: Path) -> None:
    """Write all licence texts of a source into one file that we name: no path of an archive is
    ever written to."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [source.licence_texts[name] for name in sorted(source.licence_texts)]
    if texts:
        (folder / f"{source.name}.txt").write_bytes(b"\n\n".join(texts))


def _sizes(rows: Iterable[Row]) -> dict[str, Size]:
    counts: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    for row in rows:
        counts[row.package] += 1
        characters[row.package] += len(row.content)
    return {name: Size(counts[name], characters[name]) for name in sorted(counts)}


def _silent(label: str, done: int, total: int) -> None:
    pass
