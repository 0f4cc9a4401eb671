"""The MLflow pages over the embedded store."""

import os
import socket
import sys

from steadycode.errors import ConfigError
from steadycode.project import Project
from steadycode.registry.runs import url_hint
from steadycode.registry.store import open_store


def serve_ui(project: Project, host: str, port: int, run_id: str | None) -> None:
    """Serve the pages until interrupted; replaces this process. Raises ConfigError when the port
    is taken or there is no such run."""
    store = open_store(project)
    if not store.embedded:
        raise ConfigError(f"the runs are on the server {store.tracking_uri}; open its pages")
    fragment = f"/{url_hint(store, run_id)}" if run_id else ""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port} is not free; name another with --port") from error
    print(f"MLflow: http://{host}:{port}{fragment}   (Ctrl-C stops it)", flush=True)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # nine helper processes less
    os.execv(
        sys.executable,
        [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.tracking_uri,
         "--default-artifact-root", (store.folder / "artifacts").as_uri(),
         "--host", host, "--port", str(port), "--workers", "1"],
    )  # fmt: skip
