"""Uploads of weights: MLflow's logged models, before a version is made of them.

An upload belongs to one attempt and one registered name. It is tagged with both and with the
process that writes it; the fingerprint of its files is tagged last, when they are all there.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from steadycode.errors import ModelError
from steadycode.processes import ProcessId
from steadycode.registry.guard import Guard
from steadycode.registry.store import Store, database_uri, local_path, pages
from steadycode.registry.tags import ATTEMPT, FINGERPRINT, PROCESS, REGISTERED_NAME, RETRAINING

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel


def upload(
    store: Store,
    name: str,
    folder: Path,
    run_id: str,
    tags: Mapping[str, str],
    params: Mapping[str, str],
) -> "LoggedModel":
    """The attempt's upload for the registered model ``name``: one that was completed, else a new
    one. Call it under ``store.writing()``.

    ``tags`` hold the fingerprint of ``folder``. What an earlier try of the same attempt under the
    same name has left is removed, unless a version refers to it or its writer may still live.
    """
    for logged in _uploads_of(store, tags):
        if logged.tags.get(FINGERPRINT) == tags[FINGERPRINT] and _complete(store, logged):
            return logged
        if logged.tags.get(REGISTERED_NAME) == name and abandoned(store, logged):
            _discard(store, logged)
    return _new(store, name, folder, run_id, tags, params)


def _new(
    store: Store,
    name: str,
    folder: Path,
    run_id: str,
    tags: Mapping[str, str],
    params: Mapping[str, str],
) -> "LoggedModel":
    before = {key: value for key, value in tags.items() if key != FINGERPRINT}
    logged = store.client.create_logged_model(
        store.experiment_id,
        name="candidate",
        source_run_id=run_id,
        tags={**before, REGISTERED_NAME: name, PROCESS: str(ProcessId.mine())},
        params=dict(params),
        model_type="hf-causal-lm",
    )
    store.client.log_model_artifacts(logged.model_id, str(folder))
    if store.embedded and _fingerprint(local_path(logged.artifact_location)) != tags[FINGERPRINT]:
        raise ModelError(f"{folder} changed while it was copied to {store.folder}; register again")
    store.client.set_logged_model_tags(logged.model_id, {FINGERPRINT: tags[FINGERPRINT]})
    return store.client.finalize_logged_model(logged.model_id, "READY")


def _uploads_of(store: Store, tags: Mapping[str, str]) -> Iterator["LoggedModel"]:
    """The uploads of an attempt, under whatever registered name."""
    query = f"tags.`{RETRAINING}` = '{tags[RETRAINING]}' AND tags.`{ATTEMPT}` = '{tags[ATTEMPT]}'"
    return pages(
        lambda **page: store.client.search_logged_models([store.experiment_id], query, **page)
    )


def _complete(store: Store, logged: "LoggedModel") -> bool:
    if str(logged.status) != "READY":
        return False
    if not store.embedded:
        return True
    folder = local_path(logged.artifact_location)
    return folder.is_dir() and _fingerprint(folder) == logged.tags[FINGERPRINT]


def abandoned(store: Store, logged: "LoggedModel") -> bool:
    """Whether nobody writes that upload any more. Call it under ``store.writing()``.

    Who writes to the project's own store holds its lock, and now that is this process. Elsewhere
    only a writer that is known to be dead has stopped.
    """
    writer = ProcessId.parse(logged.tags.get(PROCESS, ""))
    lives = writer.lives if writer else None
    if writer and lives:
        return writer.is_mine
    return lives is False or store.tracking_uri == database_uri(store.folder)


def _discard(store: Store, logged: "LoggedModel") -> None:
    """Remove an upload, and its files when the store is embedded, unless a version needs it."""
    files = [local_path(logged.artifact_location)] if store.embedded else []
    guard = Guard(store)
    if not guard.needed_by(files, logged.model_id):
        # the files go first: nobody would find those of a forgotten upload
        guard.remove(files, logged.model_id)


def _fingerprint(folder: Path) -> str:
    from steadycode.models import fingerprint

    return fingerprint(folder)
