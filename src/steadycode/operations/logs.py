"""Keeps the logs of services within bounds, also while the services write to them."""

from collections.abc import Iterator
from pathlib import Path

from steadycode.files import replacing
from steadycode.project import Project

LIMIT = 10_000_000
"""The bytes that a log may have, and that are kept of an older one beside it."""


def rotate(project: Project, *, dry_run: bool = False) -> Iterator[str]:
    """Move the newest ``LIMIT`` bytes of each service's log that has more to ``NAME.log.1``, and
    empty the log. A line for each of them; a dry run only tells.

    Services append, so that they go on in the emptied file. What they write in the instant between
    copy and emptying is lost.
    """
    for log in sorted(project.service_logs.glob("*.log")):
        size = log.stat().st_size
        if size > LIMIT:
            if not dry_run:
                _rotate(log, size)
            older = log.with_name(f"{log.name}.1")
            yield f"log {log.name} of {size / 1e6:.0f} MB: its newest {LIMIT / 1e6:.0f} MB " + (
                f"would go to {older.name}" if dry_run else f"are in {older.name} now"
            )


def _rotate(log: Path, size: int) -> None:
    with replacing(log.with_name(f"{log.name}.1")) as new, log.open("r+b") as stream:
        stream.seek(size - LIMIT)
        stream.readline()  # a line that began before
        with new.open("wb") as out:
            while part := stream.read(1 << 20):
                out.write(part)
        stream.truncate(0)
