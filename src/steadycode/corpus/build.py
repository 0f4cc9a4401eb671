"""Builds data/ from the recipe: the same bytes each time, swapped in only when complete."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from steadycode.corpus.fingerprint import folder_md5
from steadycode.corpus.pieces import Kind, cut, decode
from steadycode.corpus.recipe import SPLITS, Recipe, SplitName
from steadycode.corpus.sources import Source, read_folder, read_package
from steadycode.errors import DataError
from steadycode.files import remove, replacing_folder, sha256_json, sha256_text, write_jsonl
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    md5: str
    """The md5 that DVC computes for data/."""
    rows: dict[SplitName, int]
    packages: dict[str, "Size"]
    origins: dict[str, "Origin"]
    """Source -> what was read of it."""
    dropped: dict[str, int]
    """Reason -> rows (for not_python: files) that were left out."""


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    characters: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What was read of a source: how many ``files``, and a hash over their paths and contents."""

    version: str
    files: int
    sha256: str


@dataclass
class _Collector:
    """Rows by split, exact duplicates removed: the first in (package, path) order stays."""

    recipe: Recipe
    rows: dict[SplitName, list[Row]] = field(default_factory=lambda: {name: [] for name in SPLITS})
    dropped: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)

    def add(self, source: Source) -> None:
        for path in sorted(source.files):
            split = self.recipe.split.of(source.name, path)
            self.rows[split].extend(self._rows(source, path))

    def _rows(self, source: Source, path: str) -> Iterator[Row]:
        text = decode(source.files[path])
        pieces = None if text is None else cut(text, self.recipe.module_characters)
        if pieces is None:
            self.dropped["not_python"] += 1
            return
        for piece in pieces:
            digest = sha256_text(piece.content)
            if fault := self._fault(piece.content, digest):
                self.dropped[fault] += 1
                continue
            self.seen.add(digest)
            yield Row(
                content=piece.content,
                package=source.name,
                version=source.version,
                path=path,
                licence=source.licence,
                sha256=digest,
                kind=piece.kind,
            )

    def _fault(self, content: str, digest: str) -> str | None:
        if len(content) < self.recipe.min_characters:
            return "too_short"
        if len(content) > self.recipe.max_characters:
            return "too_long"
        return "duplicate" if digest in self.seen else None


def build(recipe: Recipe, project: Project, on_progress: Progress | None = None) -> BuildResult:
    """Make ``project.data`` from ``recipe``. An existing one is replaced once the new one is whole.

    Raises DataError when a source cannot be had, or when no row is left.
    """
    with writing(project):
        return build_folder(recipe, project, project.data, on_progress)


@contextmanager
def writing(project: Project) -> Iterator[None]:
    """Hold the lock of data/, which has one writer at a time. A replacement that was cut short is
    undone first."""
    with locked(project.lock("data")):
        for left in leftovers(project.data):
            remove(left.path)
        yield


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
        raise DataError("the corpus recipe yields no row; check its sources and patterns")
    for split, rows in collector.rows.items():
        write_jsonl(folder / f"{split}.jsonl", rows)
    return BuildResult(
        md5=folder_md5(folder),
        rows={split: len(rows) for split, rows in collector.rows.items()},
        packages=_sizes(row for rows in collector.rows.values() for row in rows),
        origins=origins,
        dropped=dict(sorted(collector.dropped.items())),
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
