"""The one way by which model files are removed: never what a registered version refers to.

``steadycode gc``, the removal of uploads that were cut short, and the repair of what a kill has
left all come through here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import ModelError
from steadycode.files import remove
from steadycode.registry.store import Store, local_path, pages
from steadycode.registry.tags import STAGES_IN_USE

_LOGGED_MODEL = "models:/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """A version of any registered model, and what it would miss."""

    spec: str
    upload: str
    """The id of the logged model that it was made from; empty when it was made from none."""
    address: str
    """Where its files are."""
    folder: Path | None
    """The same in an embedded store; None in a server's, which keeps its own."""
    in_use: bool
    """Whether it has an alias, or is in one of MLflow's stages that say so."""

    def needs(self, paths: Collection[Path]) -> bool:
        mine = self.folder
        return mine is not None and any(
            path == mine or path in mine.parents or mine in path.parents for path in paths
        )


class Guard:
    """Removes model files that no registered version refers to, whoever has registered it.

    It knows the versions of the moment at which it was made: make it under ``store.writing()``, and
    use it within.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._references = list(_references(store))

    def needed_by(
        self, paths: Sequence[Path], upload: str = "", given_up: Collection[str] = ()
    ) -> list[str]:
        """The versions that keep ``paths``, or the logged model ``upload``, from being removed.

        ``given_up`` names the versions (``models:/NAME/VERSION``) whose weights may go; that of a
        version with an alias is void.
        """
        whole = [path.resolve() for path in paths]
        # a copy of a version names its files, and not the upload that they are of
        of_upload = set()
        if upload:
            of_upload = {upload, self._store.client.get_logged_model(upload).artifact_location}
        return [
            reference.spec
            for reference in self._references
            if (reference.in_use or reference.spec not in given_up)
            and (reference.needs(whole) or {reference.upload, reference.address} & of_upload)
        ]

    def remove(
        self, paths: Sequence[Path], upload: str = "", given_up: Collection[str] = ()
    ) -> None:
        """Remove ``paths`` in this order, then forget the logged model ``upload``.

        It is no fault if a path is gone already. Raises ModelError, with nothing touched, when a
        version needs any of it (see ``needed_by``).
        """
        if needed := self.needed_by(paths, upload, given_up):
            what = ", ".join(str(path) for path in paths) or upload
            raise ModelError(f"{what} is needed by {', '.join(needed)}, so it was left alone")
        for path in paths:
            remove(path)
        if upload:
            self._store.client.delete_logged_model(upload)


def _references(store: Store) -> Iterator[_Reference]:
    aliased = {
        (model.name, int(version))
        for model in pages(store.client.search_registered_models)
        for version in model.aliases.values()
    }
    for row in pages(store.client.search_model_versions):
        source = row.source or ""
        address = store.client.get_model_version_download_uri(row.name, row.version)
        of_upload = source.startswith(_LOGGED_MODEL) and source.count("/") == 1
        yield _Reference(
            spec=f"models:/{row.name}/{row.version}",
            upload=row.model_id or (source.removeprefix(_LOGGED_MODEL) if of_upload else ""),
            address=address,
            folder=local_path(address).resolve() if store.embedded else None,
            in_use=(row.name, int(row.version)) in aliased or row.current_stage in STAGES_IN_USE,
        )


def folder_of(store: Store, name: str, version: int | str) -> Path:
    """Where an embedded store keeps the files of a version."""
    address = store.client.get_model_version_download_uri(name, str(version))
    return local_path(address).resolve()
