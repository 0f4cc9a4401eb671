"""The MLflow store: embedded sqlite below ``mlruns/``, or the server that the user names."""

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from steadycode.errors import SteadycodeError
from steadycode.locks import locked
from steadycode.ownership import foreign, no_access
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
    for chatty in ("mlflow.store.db.utils", "mlflow.store.model_registry", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    folder = project.mlruns.resolve()
    # neither MLflow nor Prefect would name the file
    if blocked := foreign(*project.written, folder / "mlflow.db"):
        raise SteadycodeError(no_access(blocked))
    folder.mkdir(parents=True, exist_ok=True)
    uri = _named_store() or database_uri(folder)
    try:
        with opening(folder), _asking_briefly(uri):
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            if uri == database_uri(folder):
                _refuse_moved(client, folder)
            store = Store(client, uri, _experiment_id(client, experiment, uri, folder), folder)
            if store.embedded:
                _write_ahead(uri)
    except (MlflowException, SQLAlchemyError, ImportError) as error:  # a database without driver
        first = str(error).strip().splitlines()[0]
        if not _is_server(uri):
            raise SteadycodeError(f"cannot open the MLflow store {uri}: {first}") from error
        # the error itself may name a password, so that no traceback may show it
        raise SteadycodeError(
            f"the MLflow server {uri} cannot be used ({_cause(first)}); start it, or correct or "
            "unset MLFLOW_TRACKING_URI, and MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD "
            "where it asks who you are"
        ) from None
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


def _named_store() -> str:
    """The address of the store that the user names; empty when he names none.

    MLflow is told by variables of its own of a user and a password in a server's address: it
    repeats the address in whatever it says of a fault.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    parts = urlsplit(uri) if _is_server(uri) else None
    who, _, host = parts.netloc.rpartition("@") if parts else ("", "", "")
    user, _, password = who.partition(":")
    if parts and user and password:
        os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password)
        uri = os.environ["MLFLOW_TRACKING_URI"] = parts._replace(netloc=host).geturl()
    return uri


def _cause(fault: str) -> str:
    """What kept a request from its answer, out of MLflow's long account of it."""
    pattern = (
        r"\[Errno -?\d+\] [^'\")]+|certificate verify failed[^'\"()]*|error code \d+|timed out"
    )
    cause = re.search(pattern, fault)
    return cause[0].strip() if cause else fault


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


@contextmanager
def _asking_briefly(uri: str) -> Iterator[None]:
    """Let MLflow give a server up within the block after two short tries, if the user has not said
    otherwise: left to itself it tries for minutes, although a server that is not there now, or
    does not let us in, is a fault of the settings."""
    brief = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
    ours = {name: value for name, value in brief.items() if name not in os.environ}
    if _is_server(uri):
        os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


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
