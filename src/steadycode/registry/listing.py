"""Lists the runs of a store with outcome and reason, the newest first, and shows one in detail."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from steadycode.errors import ConfigError
from steadycode.jobs.job import LOG
from steadycode.registry.store import Store
from steadycode.registry.tags import (
    DEPLOYMENT,
    FAILED_STAGE,
    MISSED,
    OURS,
    REASON,
    SET_ASIDE,
    STAGE,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

_LOGS = (LOG, "fault.txt", "flow.log")
_LOG_LINES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """An attempt at a retraining, an evaluation, a scheduled run that was lost, or a stage."""

    run_id: str
    name: str
    profile: str
    deployment: str
    """FLOW/NAME of the Prefect deployment; empty when the run was started by hand."""
    started: datetime
    ended: datetime | None
    status: str
    """MLflow's word in lower case, or ``missed``."""
    decision: str
    failed_stage: str
    reason: str
    stage: str

    @property
    def seconds(self) -> float | None:
        return (self.ended - self.started).total_seconds() if self.ended else None


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run, the runs of its stages (without those that were set aside), and, after a failure, the
    last lines of its log."""

    run: RunRow
    stages: tuple[RunRow, ...]
    log_name: str = ""
    log: tuple[str, ...] = ()


def recent_runs(store: Store, limit: int) -> list[RunRow]:
    """The newest ``limit`` runs of all experiments; stages are left out, as is other software."""
    runs = store.runs(OURS, order_by=["attributes.start_time DESC"], max_results=200)
    return list(islice((_row(run) for run in runs if _stands_alone(run.data.tags)), limit))


def find_run(store: Store, start: str) -> RunRow:
    """The run, or the stage's run, whose id begins with ``start``.

    Raises ConfigError when there is none, or more than one.
    """
    runs = store.runs(OURS, order_by=["attributes.start_time DESC"], max_results=1000)
    rows = [_row(run) for run in runs if start and run.info.run_id.startswith(start)]
    if not rows:
        raise ConfigError(f"no run with an id that begins with {start!r}; see `steadycode runs`")
    if len(rows) > 1:
        raise ConfigError(f"{len(rows)} runs have an id that begins with {start}; give more of it")
    return rows[0]


def run_details(store: Store, start: str) -> RunDetails:
    """The run whose id begins with ``start``, its stages, and the end of its log if it failed.

    The log is that of the stage that failed, else the run's own. Raises ConfigError when there is
    no such run, or more than one.
    """
    run = find_run(store, start)
    stages = stages_of(store, run.run_id)
    failed = [stage.run_id for stage in stages if stage.stage == run.failed_stage]
    for run_id in [*failed, run.run_id]:
        name, lines = last_lines(store, run_id, _LOG_LINES)
        if lines:
            return RunDetails(run, tuple(stages), name, tuple(lines))
    return RunDetails(run, tuple(stages))


def stages_of(store: Store, run_id: str) -> list[RunRow]:
    """The runs of its stages in the order in which they began, without those set aside."""
    experiment = store.client.get_run(run_id).info.experiment_id
    runs = store.client.search_runs(
        [experiment],
        f"tags.`mlflow.parentRunId` = '{run_id}'",
        order_by=["attributes.start_time ASC"],
    )
    return [_row(run) for run in runs if SET_ASIDE not in run.data.tags]


def last_lines(store: Store, run_id: str, count: int) -> tuple[str, list[str]]:
    """The name and the last lines of the log that a failure left with the run; both are empty when
    there is none."""
    names = {artifact.path for artifact in store.client.list_artifacts(run_id)}
    for name in _LOGS:
        if name in names:
            with TemporaryDirectory() as folder:
                path = Path(store.client.download_artifacts(run_id, name, folder))
                return name, path.read_text(errors="replace").splitlines()[-count:]
    return "", []


def _stands_alone(tags: dict[str, str]) -> bool:
    return "mlflow.parentRunId" not in tags and not tags.get(STAGE, "").startswith("base ")


def _row(run: "Run") -> RunRow:
    tags = run.data.tags
    ended = run.info.end_time
    return RunRow(
        run_id=run.info.run_id,
        name=run.info.run_name,
        profile=tags.get("steadycode.profile", ""),
        deployment=tags.get(DEPLOYMENT, ""),
        started=_time(run.info.start_time),
        ended=_time(ended) if ended else None,
        status="missed" if MISSED in tags else run.info.status.lower(),
        decision=tags.get("decision", ""),
        failed_stage=tags.get(FAILED_STAGE, ""),
        reason=tags.get(REASON, ""),
        stage=tags.get(STAGE, ""),
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
