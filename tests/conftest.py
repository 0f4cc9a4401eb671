"""Every test sees a project of its own unless it asks for this repository."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from steadycode.project import Project

if TYPE_CHECKING:
    from steadycode.processes import ProcessId
    from steadycode.registry.store import Store

os.environ.setdefault("OMP_NUM_THREADS", "2")
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(autouse=True)
def _home_of_this_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are read from this repository whatever the current directory."""
    monkeypatch.setenv("STEADYCODE_HOME", str(REPOSITORY))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared problem sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("STEADYCODE_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "recode").is_dir():
        pytest.skip(f"no shared problem sets in {folder} (set STEADYCODE_SHARED)")
    return folder


@pytest.fixture
def left_by_a_kill() -> Callable[..., Path]:
    """The temporary name that a process of this machine, dead by now, had beside a place."""
    from steadycode.processes import ProcessId
    from steadycode.temporaries import temporary_name

    mine = ProcessId.mine()
    dead = replace(mine, pid=2**22 + 1)

    def name(place: Path, kind: str = "tmp") -> Path:
        path = temporary_name(place, kind)
        return path.with_name(path.name.replace(mine.mark, dead.mark))

    return name


@pytest.fixture
def container() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts commands in a pid namespace of their own, as a container does."""
    inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.getuid():
        inside.insert(1, "--map-root-user")
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("no pid namespace can be made here (unshare)")
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **options: Any) -> "subprocess.Popen[bytes]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        started.append(subprocess.Popen([*inside, *command], **{**pipes, **options}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def elsewhere() -> "ProcessId":
    """A process of another machine with this one's host name; whether it lives can't be seen."""
    from steadycode.places import Place
    from steadycode.processes import ProcessId

    return replace(ProcessId.mine(), place=Place("1f2e", Place.here().namespace, "0a1b2c3d"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once: making them takes two seconds, copying them none."""
    from steadycode.registry.store import open_store

    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("STEADYCODE_HOME", str(root))  # put back behind us, as is the other
        patch.setenv("PREFECT_HOME", str(root / ".prefect"))
        open_store(Project(root), experiment="template")
    copy = root / "empty.db"
    with sqlite3.connect(root / "mlruns" / "mlflow.db") as connection:
        connection.execute("DELETE FROM experiments")  # their addresses are not the copies'
        connection.commit()
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Project:
    """An empty project with MLflow's tables, and servers of its own."""
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / ".prefect"))
    made = Project(tmp_path / "a project")  # a space: paths become URIs on the way
    for folder in (made.root, made.mlruns, made.configs, made.work, made.models):
        folder.mkdir()
    shutil.copyfile(empty_database, made.mlruns / "mlflow.db")
    return made


@pytest.fixture
def store(project: Project) -> "Store":
    from steadycode.registry.store import open_store

    return open_store(project)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the base model tiny-random, built once: to be read only."""
    from steadycode.config import read_yaml
    from steadycode.models.tiny import save_tiny

    folder = tmp_path_factory.mktemp("tiny-random")
    save_tiny(read_yaml(REPOSITORY / "configs" / "base-models.yaml")["tiny-random"], folder)
    return folder


@pytest.fixture
def make_model() -> Callable[..., Any]:
    """Makes tiny random Llamas; keyword arguments change their configuration."""
    from tests.builders.llama import tiny_model

    return tiny_model


@pytest.fixture
def model(make_model: Callable[..., Any]) -> Any:
    return make_model()


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    from tests.builders.llama import make_tokenizer

    return make_tokenizer()


@pytest.fixture
def documents() -> list[str]:
    """Forty small functions, no two alike."""
    from tests.builders.llama import small_functions

    return small_functions(40)
