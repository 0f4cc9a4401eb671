"""The MLflow pages over the embedded store."""

import importlib.util
import ipaddress
import os
import re
import secrets
import sys
from collections.abc import Sequence

from steadycode.errors import ConfigError
from steadycode.processes import require_free_port
from steadycode.project import Project
from steadycode.registry.runs import url_hint
from steadycode.registry.store import Store, open_store

_PASSWORD = ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_AUTH_CONFIG_PATH")
"""The variables of MLflow, one of which names the password that its pages ask for."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def serve_ui(
    project: Project, host: str, port: int, run_id: str | None, names: Sequence[str] = ()
) -> None:
    """Serve the pages until interrupted; replaces this process.

    ``names`` are those by which browsers may ask for them, beside the addresses of this machine.
    Raises ConfigError when the port is taken, there is no such run, a name is none, or ``host``
    lets others in, who would not be asked for a password.
    """
    asks = any(os.environ.get(name) for name in _PASSWORD)
    if not asks and not _is_loopback(host):
        raise ConfigError(
            f"on {host}:{port} whoever reaches this machine could change runs and promote models: "
            "set MLFLOW_AUTH_ADMIN_PASSWORD, so that the pages ask for it (user admin), or keep to "
            f"127.0.0.1 and reach them by `ssh -L {port}:127.0.0.1:{port} THIS-MACHINE`"
        )
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"--allowed-hosts {name}: give a machine's name, as pages.example.org"
            )
    if asks:
        _prepare_authentication()
    store = open_store(project)
    command = ui_command(store, host, port)
    fragment = f"/{url_hint(store, run_id)}" if run_id else ""
    require_free_port(host, port, "--port")
    shown = names[0] if names and not _is_loopback(host) else host
    print(f"MLflow: http://{shown}:{port}{fragment}   (Ctrl-C stops it)", flush=True)
    if asks:
        command += ["--app-name", "basic-auth"]
        os.chdir(store.folder)  # MLflow keeps its users in the current folder
    os.execv(sys.executable, [sys.executable, "-m", *command, *_known_as(names)])


def ui_command(store: Store, host: str, port: int) -> list[str]:
    """The arguments of ``python -m`` that serve the pages.

    Raises ConfigError when the store is a server, which has pages of its own.
    """
    if not store.embedded:
        raise ConfigError(f"the runs are on the server {store.tracking_uri}; open its pages")
    return [
        *("mlflow", "server", "--backend-store-uri", store.tracking_uri),
        *("--default-artifact-root", (store.folder / "artifacts").as_uri()),
        *("--host", host, "--port", str(port), "--workers", "1"),
    ]


def _known_as(names: Sequence[str]) -> list[str]:
    """What lets the pages be asked for by ``names``: in the requests' own header, and by scripts
    of the pages, which browsers send with the page's address."""
    if not names:
        return []
    hosts = ["localhost", "127.0.0.1", "[::1]", *names]
    return [
        *("--allowed-hosts", ",".join(part for host in hosts for part in (host, f"{host}:*"))),
        "--cors-allowed-origins",
        ",".join(f"{scheme}://{name}{port}" for name in names
                 for scheme in ("http", "https") for port in ("", ":*")),
    ]  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _prepare_authentication() -> None:
    """Raises ConfigError when MLflow's own authentication is not installed."""
    if importlib.util.find_spec("flask_wtf") is None:
        raise ConfigError(
            "pages that ask for a password need one more package: `pip install 'mlflow[auth]'`"
        )
    os.environ.setdefault("MLFLOW_FLASK_SERVER_SECRET_KEY", secrets.token_hex(32))
