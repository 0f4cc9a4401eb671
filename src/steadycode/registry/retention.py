"""Plans what ``steadycode gc`` may remove from the registry, and removes it item by item.

Versions, their tags, decisions, runs and metrics always stay; only files go, and uploads that
never became a version.
"""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from steadycode.locks import holding
from steadycode.registry.guard import Guard, folder_of
from steadycode.registry.store import Store, local_path, pages
from steadycode.registry.tags import ATTEMPT, RETRAINING
from steadycode.registry.uploads import abandoned
from steadycode.registry.versions import (
    REMOVED_AT,
    WEIGHTS,
    RegisteredVersion,
    fetching,
    versions,
)

_FINGERPRINT = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that may be removed."""

    kind: str
    what: str
    paths: tuple[Path, ...]
    """These are removed in this order; it is no fault if one is gone already."""
    bytes: int
    versions: tuple[RegisteredVersion, ...] = ()
    """The versions whose weights these are: they are tagged before the files are removed."""
    upload: str = ""
    """The id of a logged model that is forgotten with its files."""
    lock: Path | None = None
    """Held while the item is removed; when somebody else holds it, the item stays."""


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What unfinished work on this machine may still ask for."""

    attempts: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    """(retraining, attempt)"""
    fingerprints: frozenset[str] = field(default_factory=frozenset)


def split_versions(
    store: Store, keep: int, needed: Needed
) -> tuple[list[RegisteredVersion], list[RegisteredVersion]]:
    """All versions of all models: those whose weights stay, and the others.

    Weights stay when the version is in use (an alias or a stage says so), is among the newest
    ``keep`` of its model, is needed, or was not registered by steadycode. Weights whose removal has
    begun do not stay, so that it is completed, unless the version is in use by now.
    """
    kept: list[RegisteredVersion] = []
    others: list[RegisteredVersion] = []
    for model in pages(store.client.search_registered_models):
        for place, version in enumerate(versions(store, model.name)):
            stays = (
                place < keep
                or (version.retraining, version.attempt) in needed.attempts
                or version.fingerprint in needed.fingerprints
            )
            ours = version.retraining and version.fingerprint
            may_go = ours and not version.in_use and (version.weights_removed or not stays)
            (others if may_go else kept).append(version)
    return kept, others


def registry_items(
    store: Store,
    kept: list[RegisteredVersion],
    others: list[RegisteredVersion],
    needed: Needed,
) -> Iterator[Item]:
    """The weights of ``others``, and uploads that have no version. Nothing when the store is a
    server, which keeps its own files."""
    if store.embedded:
        in_use = {folder_of(store, version.name, version.version) for version in kept}
        folders: dict[Path, list[RegisteredVersion]] = {}
        for version in others:  # a copied version shares its files with the original
            folder = folder_of(store, version.name, version.version)
            folders.setdefault(folder, []).append(version)
        for folder, sharing in folders.items():
            if folder not in in_use and folder.exists():
                names = ", ".join(version.spec for version in sharing)
                yield _item("weights", names, folder, versions=tuple(sharing))
        yield from _uploads(store, in_use | set(folders), needed)


def downloads(store: Store, kept: list[RegisteredVersion], needed: Needed) -> Iterator[Item]:
    """The copies that ``fetch`` made here of a server's versions which do not stay."""
    stay = {version.fingerprint for version in kept} | needed.fingerprints
    for folder in folders_of_fingerprints(store.fetched):
        if folder.name not in stay:
            lock = fetching(folder)  # somebody may be fetching them again
            yield _item("downloaded weights", folder.name[:12], folder, lock=lock)


def carry_out(store: Store, item: Item, guard: Guard) -> bool:
    """Remove ``item``. Returns False, with nothing touched, when its lock is held, or when a
    version that is not among ``item.versions`` needs it."""
    works_there = item.lock and item.lock.parent.is_dir()
    with holding(item.lock) if item.lock and works_there else nullcontext(True) as free:
        if not free or not is_free(item, guard):
            return False
        for version in item.versions:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            for tag, value in ((REMOVED_AT, now), (WEIGHTS, "removed")):
                store.client.set_model_version_tag(version.name, str(version.version), tag, value)
        guard.remove(item.paths, item.upload, _given_up(item))
        return True


def is_free(item: Item, guard: Guard) -> bool:
    """Whether no version needs ``item``, but those whose weights it is."""
    return not guard.needed_by(item.paths, item.upload, _given_up(item))


def _given_up(item: Item) -> list[str]:
    return [version.spec for version in item.versions]


def folders_in(parent: Path) -> list[Path]:
    """The folders in ``parent`` whose name does not begin with a dot, sorted by name."""
    return sorted(path for path in parent.glob("[!.]*") if path.is_dir())


def folders_of_fingerprints(parent: Path) -> list[Path]:
    """The folders in ``parent`` that are named by a model's fingerprint; others are not ours."""
    return [path for path in folders_in(parent) if _FINGERPRINT.fullmatch(path.name)]


def disk_use(*paths: Path) -> int:
    """How many bytes ``paths``, with everything below them, take up on the disk."""
    return sum(
        file.lstat().st_blocks * 512
        for path in paths
        for file in (path, *path.rglob("*"))
        if file.exists()
    )


def _item(kind: str, what: str, folder: Path, **more: Any) -> Item:
    return Item(kind=kind, what=what, paths=(folder,), bytes=disk_use(folder), **more)


def _uploads(store: Store, of_versions: set[Path], needed: Needed) -> Iterator[Item]:
    """Uploads without a version: a kill cut them short, or somebody has deleted the version."""
    experiments = store.experiments()
    for logged in pages(lambda **page: store.client.search_logged_models(experiments, **page)):
        folder = local_path(logged.artifact_location).resolve()
        if RETRAINING not in logged.tags or folder in of_versions:
            continue
        retraining, attempt = logged.tags[RETRAINING], int(logged.tags.get(ATTEMPT, "0"))
        if (retraining, attempt) not in needed.attempts and abandoned(store, logged):
            what = f"{retraining} attempt {attempt}"
            yield _item("uploads without a version", what, folder, upload=logged.model_id)
