"""Rewrites the addresses in an embedded store, which are absolute, after its folder was moved."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from steadycode.registry.store import moved_from, opening

_ADDRESSES = (
    ("experiments", "experiments", "artifact_location"),
    ("runs", "runs", "artifact_uri"),
    ("logged models", "logged_models", "artifact_location"),
    ("sources of versions", "model_versions", "source"),
    ("weights of versions", "model_versions", "storage_location"),
    ("traces", "trace_tags", "value"),
)
"""(name, table, column) of every column that MLflow 3.17 fills with addresses of its own."""
_LOCK_SECONDS = 120.0


def former_folders(folder: Path) -> list[Path]:
    """The earlier places of ``folder`` (``mlruns/``), read off the experiments in its database."""
    database = folder / "mlflow.db"
    if not database.is_file():
        return []
    with closing(sqlite3.connect(database, timeout=_LOCK_SECONDS)) as connection:
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    folders = {moved_from(location, folder) for (location,) in rows if location}
    return sorted(former for former in folders if former is not None)


def rewrite_addresses(folder: Path, former: Sequence[Path]) -> dict[str, int]:
    """Let every address below ``former`` point below ``folder``: all of them, or none on a fault.

    Returns how many addresses of each name in ``_ADDRESSES`` were rewritten. Other addresses, such
    as s3://, stay.
    """
    prefixes = [(as_text(old), as_text(folder)) for old in former for as_text in (Path.as_uri, str)]

    def moved(address: str | None) -> str | None:
        for old, new in prefixes:
            if address and (address + "/").startswith(old + "/"):
                return new + address[len(old) :]
        return address

    with (
        opening(folder),
        closing(sqlite3.connect(folder / "mlflow.db", timeout=_LOCK_SECONDS)) as connection,
        connection,  # commits, or rolls back on any fault
    ):
        connection.create_function("moved", 1, moved, deterministic=True)
        connection.execute("BEGIN IMMEDIATE")
        return {
            name: connection.execute(
                f"UPDATE {table} SET {column} = moved({column}) WHERE moved({column}) <> {column}"
            ).rowcount
            for name, table, column in _ADDRESSES
        }
