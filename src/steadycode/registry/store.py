"""The MLflow store: embedded sqlite below ``mlruns/``, or the server that the user names."""

import logging
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from steadycode.errors import SteadycodeError
from steadycode.locks import locked
from steadycode.project import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_LOCK_SECONDS = 120.0  # creating the tables takes seconds, on a busy laptop tens of them
_WRITE_SECONDS = 3600.0  # somebody may be copying large weights


@dataclass(frozen=True)
class Store:
    """An opened store. Use it through ``client`` only: MLflow's global tracking URI is not set."""

    client: "MlflowClient"
    tracking_uri: str
    experiment_id: str
    folder: Path
    """``mlruns/``: it holds the lock file, and all of the store when that is embedded."""

    @property
    def embedded(self) -> bool:
        return self.tracking_uri.startswith("sqlite:")

    @property
    def fetched(self) -> Path:
        """Copies of a server's versions, by their fingerprints."""
        return self.folder / "fetched"

    def writing(self) -> AbstractContextManager[None]:
        """A lock that lets one process on this machine write versions and aliases at a time; a
        thread that holds it may take it again.

        Raises SteadycodeError when another process does not end within an hour.
        """
        lock = self.folder / ".registry.lock"
        busy = SteadycodeError(
            f"another process has held {lock} for an hour; `steadycode runs` tells what runs, stop "
            "what hangs"
        )
        return locked(lock, busy, _WRITE_SECONDS, again=True)

    def experiments(self) -> list[str]:
        return [experiment.experiment_id for experiment in pages(self.client.search_experiments)]

    def runs(self, query: str, **options: Any) -> Iterator["Run"]:
        """The runs of all experiments that match ``query``, fetched page by page as needed."""
        experiments = self.experiments()
        return pages(lambda **page: self.client.search_runs(experiments, query, **options, **page))


def open_store(project: Project, experiment: str = "steadycode") -> Store:
    """Open, and on first use create, the store of ``project``.

    MLFLOW_TRACKING_URI, when set, names another store. Raises SteadycodeError, with the address,
    when that store cannot be reached; and when the project's folder was moved.
    """
    project.prepare_environment()
    for chatty in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    folder = project.mlruns.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or database_uri(folder)
    _refuse_unreachable(uri)
    try:
        with opening(folder):
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            if uri == database_uri(folder):
                _refuse_moved(client, folder)
            store = Store(client, uri, _experiment_id(client, experiment, uri, folder), folder)
            if store.embedded:
                _write_ahead(uri)
    except (MlflowException, SQLAlchemyError) as error:
        first = str(error).strip().splitlines()[0]
        raise SteadycodeError(f"cannot open the MLflow store {uri}: {first}") from error
    return store


def opening(folder: Path) -> AbstractContextManager[None]:
    """A lock that lets one process at a time make the tables below ``mlruns/``, or rewrite their
    addresses: two would collide.

    Raises SteadycodeError when another process does not end within two minutes.
    """
    lock = folder / ".open.lock"
    busy = SteadycodeError(
        f"another process has held {lock} for two minutes; stop what hangs, then run this again"
    )
    return locked(lock, busy, _LOCK_SECONDS)


def pages(search: Callable[..., Any]) -> Iterator[Any]:
    """Everything that one of MLflow's searches finds; MLflow itself gives it page by page."""
    token = None
    while True:
        page = search(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def database_uri(folder: Path) -> str:
    # absolute: mlflow resolves a relative address against the current directory
    return f"sqlite:///{folder}/mlflow.db"


@contextmanager
def as_default(store: Store) -> Iterator[None]:
    """Make ``store`` MLflow's global store within the block.

    Registering a version needs it: MLflow resolves the version's source, ``models:/m-…``, in the
    global store and nowhere else.
    """
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")  # MLflow mirrors its global in here
    mlflow.set_tracking_uri(store.tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None: unset


def local_path(uri: str) -> Path:
    """The folder behind an artifact address of an embedded store (a path or a file: URI)."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri)


def moved_from(location: str, folder: Path) -> Path | None:
    """The earlier place of ``folder`` (``mlruns/``) that an experiment's artifact ``location``
    tells of.

    None when ``location`` is in the present place, or was not chosen by ``open_store``.
    """
    if urlsplit(location).scheme not in {"", "file"}:
        return None
    artifacts = local_path(location)
    ours = artifacts.name == "artifacts" and artifacts.parent.name in {"mlruns", folder.name}
    return artifacts.parent if ours and artifacts != folder / "artifacts" else None


def project_of(mlruns: Path) -> Path:
    """The folder of the project that a former ``mlruns/`` belonged to.

    A folder with another name was linked from its project, so that it stands for itself.
    """
    return mlruns.parent if mlruns.name == "mlruns" else mlruns


def _refuse_moved(client: "MlflowClient", folder: Path) -> None:
    """Raise SteadycodeError when the store was moved: its addresses are absolute, so that MLflow
    would find no file, and not say why."""
    from mlflow.entities import ViewType

    for experiment in client.search_experiments(view_type=ViewType.ALL):
        former = moved_from(experiment.artifact_location, folder)
        if former is not None and former.resolve() != folder:  # a link may lead here
            raise SteadycodeError(
                f"this project was moved from {project_of(former)}; run `steadycode relocate`"
            )


def _refuse_unreachable(uri: str) -> None:
    """Raise SteadycodeError at once when a server does not answer; MLflow retries for minutes."""
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(uri, timeout=20).close()
    except urllib.error.HTTPError:
        return  # the server answers; MLflow will say whether it lets us in
    except OSError as error:
        raise SteadycodeError(
            f"no answer from the MLflow server {uri} ({error}); start it or unset "
            "MLFLOW_TRACKING_URI"
        ) from error


def _experiment_id(client: "MlflowClient", name: str, uri: str, folder: Path) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        location = (folder / "artifacts").as_uri() if uri.startswith("sqlite:") else None
        return str(client.create_experiment(name, artifact_location=location))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def _write_ahead(uri: str) -> None:
    """Let processes read while one writes; the setting stays with the database."""
    connection = sqlite3.connect(uri.removeprefix("sqlite:///"), timeout=_LOCK_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
