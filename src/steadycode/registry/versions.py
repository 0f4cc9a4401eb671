"""Registered versions: weights stored once, found by alias, trusted only by their fingerprint."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steadycode.errors import ModelError
from steadycode.files import replacing_folder
from steadycode.locks import locked
from steadycode.registry.store import Store, as_default, local_path, pages
from steadycode.registry.tags import ATTEMPT, FINGERPRINT, RETRAINING, STAGES_IN_USE
from steadycode.registry.uploads import upload

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous-champion"
START = "start.fingerprint"
"""A tag: the fingerprint of the model from which the training of a version started."""
WEIGHTS = "weights"
"""A tag; it says ``removed`` when ``steadycode gc`` has removed the files, or was about to."""
REMOVED_AT = "weights.removed_at"
_SPEC = re.compile(r"models:/(?P<name>[^@/]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    name: str
    version: int
    fingerprint: str
    retraining: str
    attempt: int
    run_id: str
    source: str
    """``models:/m-…``, the logged model that holds the weights."""
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    created_ms: int
    stage: str
    """MLflow's stage, which aliases have replaced; ``None``, in a word, when it has none."""

    @property
    def in_use(self) -> bool:
        """Whether an alias or a stage says that somebody relies on it."""
        return bool(self.aliases) or self.stage in STAGES_IN_USE

    @property
    def spec(self) -> str:
        return f"models:/{self.name}/{self.version}"

    @property
    def weights_removed(self) -> bool:
        return self.tags.get(WEIGHTS) == "removed"


def register(
    store: Store,
    name: str,
    model_folder: Path,
    run_id: str,
    tags: Mapping[str, str],
    *,
    params: Mapping[str, str] | None = None,
) -> RegisteredVersion:
    """Store the weights once and make them the next version of ``name``.

    ``tags`` must name steadycode.retraining and steadycode.attempt: registering the same attempt
    again, say after a kill, returns its version, with its weights put back when gc had removed
    them. Raises ModelError when that attempt is already registered with other weights.
    """
    fingerprint = _fingerprint(model_folder)
    tags = {**tags, FINGERPRINT: fingerprint}
    retraining, attempt = tags[RETRAINING], int(tags[ATTEMPT])
    with store.writing():
        registered = version_of_attempt(store, name, retraining, attempt)
        if registered is not None:
            if registered.fingerprint != fingerprint:
                raise ModelError(
                    f"{registered.spec} already holds attempt {attempt} of {retraining} with other "
                    f"weights ({registered.fingerprint[:12]}, not {fingerprint[:12]}); "
                    "start a new attempt"
                )
            return _restored(store, registered, model_folder)
        logged = upload(store, name, model_folder, run_id, tags, params or {})
        _ensure_registered_model(store, name)
        with as_default(store):
            created = store.client.create_model_version(
                name,
                source=f"models:/{logged.model_id}",
                run_id=run_id,
                model_id=logged.model_id,
                tags=dict(tags),
            )
    return _version(created)


def fetch(store: Store, spec: str) -> Path:
    """The folder of ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``, verified.

    A version of an earlier release is tagged with what its fingerprint is today. An embedded store
    gives its own folder (read it, never write to it); from a server the files are downloaded into
    ``mlruns/fetched/``, and again when they were damaged there. Raises ModelError when there is no
    such version, when gc removed its weights, or when the files are not those that were registered.
    """
    version = resolve(store, spec)
    if version.weights_removed:
        raise ModelError(
            f"the weights of {version.spec} were removed by `steadycode gc` on "
            f"{version.tags.get(REMOVED_AT, 'an unknown date')}; retrain, or name another version"
        )
    if store.embedded:
        folder = local_path(
            store.client.get_model_version_download_uri(version.name, str(version.version))
        )
    else:
        folder = store.fetched / version.fingerprint
        with locked(fetching(folder)):
            if not _holds(folder, version):
                _download(store, version, folder)
    if not folder.is_dir():
        raise ModelError(f"the files of {spec} are not at {folder}; restore that folder")
    actual = _fingerprint(folder)
    if actual != version.fingerprint and _earlier_fingerprint(folder) == version.fingerprint:
        store.client.set_model_version_tag(version.name, str(version.version), FINGERPRINT, actual)
    elif actual != version.fingerprint:
        raise ModelError(
            f"the files of {spec} in {folder} are not those that were registered (fingerprint "
            f"{actual[:12]}, not {version.fingerprint[:12] or 'recorded'}); restore them"
        )
    return folder


def fetching(folder: Path) -> Path:
    """The lock of who fetches a server's version into ``folder``."""
    return folder.with_name(f".{folder.name}.lock")


def parse_spec(spec: str) -> re.Match[str]:
    """The parts of a spec. Raises ModelError when it is none, whatever the registry holds."""
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise ModelError(f"{spec!r} is not models:/NAME@ALIAS or models:/NAME/VERSION")
    return match


def resolve(store: Store, spec: str) -> RegisteredVersion:
    """The version that ``spec`` names. Raises ModelError when it is no spec or names none."""
    match = parse_spec(spec)
    name = match["name"]
    if match["alias"]:
        version = version_by_alias(store, name, match["alias"])
    else:
        number = int(match["version"])
        version = next((v for v in versions(store, name) if v.version == number), None)
    if version is None:
        known = [v.spec for v in versions(store, name)]
        raise ModelError(f"there is no {spec}; registered: {', '.join(known) or 'nothing yet'}")
    return version


def champion(store: Store, name: str) -> RegisteredVersion | None:
    return version_by_alias(store, name, CHAMPION)


def version_by_alias(store: Store, name: str, alias: str) -> RegisteredVersion | None:
    return next((version for version in versions(store, name) if alias in version.aliases), None)


def version_of_attempt(
    store: Store, name: str, retraining: str, attempt: int
) -> RegisteredVersion | None:
    return next(
        (
            version
            for version in versions(store, name)
            if (version.retraining, version.attempt) == (retraining, attempt)
        ),
        None,
    )


def versions(store: Store, name: str) -> list[RegisteredVersion]:
    """All versions of ``name``, newest first; empty when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = store.client.get_registered_model(name).aliases
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return []
        raise
    rows = pages(lambda **page: store.client.search_model_versions(f"name = '{name}'", **page))
    known = [
        _version(row, tuple(sorted(a for a, v in aliases.items() if int(v) == int(row.version))))
        for row in rows
    ]
    return sorted(known, key=lambda version: version.version, reverse=True)


def _version(row: "ModelVersion", aliases: tuple[str, ...] = ()) -> RegisteredVersion:
    tags = dict(row.tags)
    return RegisteredVersion(
        name=row.name,
        version=int(row.version),
        fingerprint=tags.get(FINGERPRINT, ""),
        retraining=tags.get(RETRAINING, ""),
        attempt=int(tags.get(ATTEMPT, "0")),
        run_id=row.run_id or "",
        source=row.source,
        aliases=aliases,
        tags=tags,
        created_ms=int(row.creation_timestamp),
        stage=row.current_stage or "None",
    )


def _restored(store: Store, version: RegisteredVersion, folder: Path) -> RegisteredVersion:
    """``version``, its weights put back if gc had removed them before the attempt was resumed."""
    if not version.weights_removed:
        return version
    store.client.log_model_artifacts(version.source.removeprefix("models:/"), str(folder))
    for tag in (WEIGHTS, REMOVED_AT):
        store.client.delete_model_version_tag(version.name, str(version.version), tag)
    return resolve(store, version.spec)


def _ensure_registered_model(store: Store, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _download(store: Store, version: RegisteredVersion, folder: Path) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        with replacing_folder(folder) as new:
            mlflow.artifacts.download_artifacts(
                version.spec, dst_path=str(new), tracking_uri=store.tracking_uri
            )
    except MlflowException as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"{version.spec} cannot be fetched: {first}") from None


def _holds(folder: Path, version: RegisteredVersion) -> bool:
    """Whether the files in ``folder`` are those that were registered."""
    try:
        return folder.is_dir() and version.fingerprint in (
            _fingerprint(folder),
            _earlier_fingerprint(folder),
        )
    except ModelError:  # no whole model
        return False


def _earlier_fingerprint(folder: Path) -> str:
    from steadycode.models import earlier_fingerprint

    return earlier_fingerprint(folder)


def _fingerprint(folder: Path) -> str:
    from steadycode.models import fingerprint

    return fingerprint(folder)
