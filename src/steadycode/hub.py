"""Gets files from the Hugging Face hub: from its cache, or by a download the user asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal


class HubError(Exception):
    """The hub cannot give what was named; the message is its reason, in one line."""


def snapshot(
    name: str,
    patterns: Sequence[str],
    usable: Callable[[Path], bool],
    *,
    kind: Literal["model", "dataset"],
    revision: str | None = None,
    before_download: Callable[[], None] = lambda: None,
) -> Path:
    """The folder with the files of ``name``, or of that ``revision`` (branch, tag, commit or
    ``refs/pr/N``) of it, that match ``patterns``. If the cache holds them and
    they are ``usable``, the hub is not asked. Raises HubError when they cannot be downloaded."""
    from huggingface_hub import snapshot_download

    at: dict[str, Any] = {} if revision is None else {"revision": revision}

    def folder(**options: Any) -> Path:
        return Path(
            snapshot_download(name, repo_type=kind, allow_patterns=list(patterns), **at, **options)
        )

    try:
        cached = folder(local_files_only=True)
        if usable(cached):
            return cached
    except Exception:  # what is missing or incomplete raises many types
        pass
    before_download()
    try:
        with _online():
            return folder()
    except Exception as error:  # network, access and naming faults have many types
        raise HubError(" ".join(str(error).split())[:200]) from error


@contextmanager
def _online() -> Iterator[None]:
    """Allow the network inside the block, whatever the project's HF_HUB_OFFLINE says."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
