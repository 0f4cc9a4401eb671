"""``steadycode up``, ``down``, ``worker`` and ``ui``: what they hand on, and what they replace."""

import importlib.util
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from steadycode.operations import team
from steadycode.project import Project
from steadycode.registry.store import Store

Steadycode = Callable[..., Result]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What operations were asked for, in the place of services."""
    calls: list[tuple[Any, ...]] = []

    def noted(name: str) -> Callable[..., None]:
        return lambda project, *given: calls.append((name, project.root, *given))

    for name in ("up", "down", "work_for"):
        monkeypatch.setattr(team, name, noted(name))
    return calls


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("up",), ("up", None, None, None)),
        (
            ("up", "--prefect-port", 1, "--mlflow-port", 2, "--notify", "a/b"),
            ("up", 1, 2, "a/b"),
        ),
        (("down",), ("down",)),
        (("worker",), ("work_for", "local-process")),
        (("worker", "--pool", "gpu"), ("work_for", "gpu")),
    ],
)
def test_options_are_handed_on(
    steadycode: Steadycode,
    project: Project,
    called: list[tuple[Any, ...]],
    arguments: tuple[Any, ...],
    asked: tuple[Any, ...],
) -> None:
    assert steadycode(*arguments).exit_code == 0
    assert called == [(asked[0], project.root, *asked[1:])]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines by which this process would have been replaced."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, command: commands.append(command))
    return commands


def test_pages_are_served_from_the_store(
    steadycode: Steadycode, store: Store, replaced: list[list[str]]
) -> None:
    port = free_port()
    run = store.client.create_run(store.experiment_id).info.run_id
    result = steadycode("ui", "--port", port, "--run", run)
    assert (result.exit_code, result.stdout) == (
        0,
        f"MLflow: http://127.0.0.1:{port}/#/experiments/{store.experiment_id}/runs/{run}"
        "   (Ctrl-C stops it)\n",
    )
    assert replaced == [
        [
            *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.tracking_uri),
            *("--default-artifact-root", (store.folder / "artifacts").as_uri()),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        ]
    ]


def test_pages_on_a_taken_port_are_one_line(
    steadycode: Steadycode, store: Store, replaced: list[list[str]]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = steadycode("ui", "--port", port)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: 127.0.0.1:{port} is not free")
    assert result.stderr.count("\n") == 1
    assert steadycode("ui", "--run", "nonsense", "--port", free_port()).stderr == (
        f"error: there is no run nonsense in {store.tracking_uri}\n"
    )
    assert replaced == []


ANYWHERE = ("ui", "--host", "0.0.0.0")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.3", "pages.example.org"])
def test_pages_without_a_password_are_for_this_machine_alone(
    steadycode: Steadycode, store: Store, replaced: list[list[str]], host: str
) -> None:
    result = steadycode("ui", "--host", host, "--port", 5001)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: on {host}:5001 whoever reaches this machine could")
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in result.stderr
    assert "ssh -L 5001:127.0.0.1:5001" in result.stderr
    assert result.stderr.count("\n") == 1
    assert replaced == []


def test_pages_answer_by_the_names_that_are_allowed(
    steadycode: Steadycode, store: Store, replaced: list[list[str]]
) -> None:
    port = free_port()
    assert steadycode("ui", "--port", port, "--allowed-hosts", "pages.org").exit_code == 0
    (command,) = replaced
    hosts = command[command.index("--allowed-hosts") + 1].split(",")
    assert {"pages.org", "pages.org:*", "127.0.0.1:*", "localhost"} <= set(hosts)
    origins = command[command.index("--cors-allowed-origins") + 1].split(",")
    assert {"http://pages.org:*", "https://pages.org"} <= set(origins)
    for name in ("*", "a,b", "http://pages.org", ""):
        assert "give a machine's name" in steadycode("ui", "--allowed-hosts", name).stderr


@pytest.mark.parametrize("installed", [True, False])
def test_pages_ask_for_the_password_that_is_set(
    steadycode: Steadycode,
    store: Store,
    replaced: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    installed: bool,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: (installed or None) if name == "flask_wtf" else find(name, *more),
    )
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    monkeypatch.setenv("MLFLOW_AUTH_ADMIN_PASSWORD", "long enough to be one")
    monkeypatch.setenv("MLFLOW_FLASK_SERVER_SECRET_KEY", "")
    monkeypatch.delenv("MLFLOW_FLASK_SERVER_SECRET_KEY")
    result = steadycode(*ANYWHERE, "--port", free_port())
    if installed:
        assert replaced[0][-2:] == ["--app-name", "basic-auth"]
        assert os.environ["MLFLOW_FLASK_SERVER_SECRET_KEY"]
    else:
        assert "pip install 'mlflow[auth]'" in result.stderr
        assert replaced == []
