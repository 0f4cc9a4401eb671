"""The MLflow pages over the embedded store."""

import os
import sys

from steadycode.errors import ConfigError
from steadycode.processes import require_free_port
from steadycode.project import Project
from steadycode.registry.runs import url_hint
from steadycode.registry.store import Store, open_store


def serve_ui(project: Project, host: str, port: int, run_id: str | None) -> None:
    """Serve the pages until interrupted; replaces this process. Raises ConfigError when the port
    is taken or there is no such run."""
    store = open_store(project)
    command = ui_command(store, host, port)
    fragment = f"/{url_hint(store, run_id)}" if run_id else ""
    require_free_port(host, port, "--port")
    print(f"MLflow: http://{host}:{port}{fragment}   (Ctrl-C stops it)", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", *command])


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
