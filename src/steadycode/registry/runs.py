"""Runs in MLflow: one per attempt at a retraining, with one nested run per stage.

A run is found again by its tags, so that a resumed attempt continues the runs it began.
"""

import json
import math
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from steadycode.config import Config
from steadycode.errors import ConfigError, SteadycodeError
from steadycode.evidence import Evidence
from steadycode.processes import ProcessId
from steadycode.recode.report import Figure
from steadycode.registry.store import Store

Status = Literal["FINISHED", "FAILED", "KILLED"]
Point = tuple[str, float, int, int]
"""(name, value, step, time in milliseconds)"""

RETRAINING, ATTEMPT, STAGE = "steadycode.retraining", "steadycode.attempt", "steadycode.stage"
"""Tags: what a run belongs to; an attempt's own run has no stage."""
REASON = "steadycode.reason"
"""Tag: why a run failed or was killed."""
SET_ASIDE = "steadycode.set_aside"
"""Tag of a stage's run that was cut short and begun again as another."""
FAILED_STAGE = "steadycode.failed_stage"
"""Tag of an attempt's run: which stage it failed in."""
PROCESS = "steadycode.process"
"""Tag: which process of which machine writes to the run (``processes.ProcessId``)."""
OURS = f"tags.`{PROCESS}` LIKE '%'"
"""MLflow's search for runs that steadycode has written."""
FLOW_RUN = "steadycode.flow_run"
"""Tag: the ids of the Prefect flow runs that worked on it, newest first, with commas."""
DEPLOYMENT = "steadycode.deployment"
"""Tag: FLOW/NAME of the Prefect deployment that the run belongs to."""
MISSED = "steadycode.missed"
"""Tag of a run that was due and never began."""

_BATCH = 1000  # what MLflow takes in one call
_PARAM_BATCH = 100
_LONGEST_PARAM = 6000
_LONGEST_TAG = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What a run and a version can be traced by: what was retrained, on which data and code."""

    retraining: str
    attempt: int
    profile: str
    data_md5: str
    data_dirty: bool
    git_commit: str

    def tags(self) -> dict[str, str]:
        return {
            RETRAINING: self.retraining,
            ATTEMPT: str(self.attempt),
            "steadycode.profile": self.profile,
            "data.md5": self.data_md5,
            "data.dirty": str(self.data_dirty).lower(),
            "git.commit": self.git_commit,
        }


@dataclass(frozen=True, slots=True)
class RetrainingRun:
    """A run of the attempt itself (``stage`` empty) or of one of its stages."""

    store: Store
    run_id: str
    lineage: Lineage
    stage: str = ""

    def metrics(self, points: Iterable[Point]) -> None:
        """Log measurements; sending the same points again changes nothing."""
        from mlflow.entities import Metric

        metrics = [Metric(name, value, at, step) for name, value, step, at in points]
        for start in range(0, len(metrics), _BATCH):
            self.store.client.log_batch(self.run_id, metrics=metrics[start : start + _BATCH])

    def figures(self, figures: Mapping[str, Figure]) -> None:
        """Final metrics with the ends of their intervals, as NAME, NAME/low and NAME/high.

        An undefined figure is no metric; its reason becomes the tag NAME.
        """
        values: dict[str, float] = {}
        reasons: dict[str, str] = {}
        for name, figure in figures.items():
            if math.isnan(figure.value):
                reasons[name] = figure.reason or "undefined"
                continue
            values[name] = figure.value
            values |= {f"{name}/low": figure.low, f"{name}/high": figure.high}
        self.values(values)
        self.tags(reasons)

    def values(self, values: Mapping[str, float]) -> None:
        """Final metrics without an interval; what is not a number is left out."""
        now = time.time_ns() // 1_000_000
        self.metrics(
            (name, value, 0, now) for name, value in values.items() if not math.isnan(value)
        )

    def evidence(self, evidence: Evidence) -> None:
        """Every figure of a model's evidence under its public name."""
        self.figures(evidence.report.figures)
        self.values(evidence_values(evidence))
        sandbox = str(evidence.conditions.limits.get("sandbox", "unknown"))
        self.tags({"recode.problems": evidence.report.label, "sandbox": sandbox})

    def tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        rows = [RunTag(name, str(value)[:_LONGEST_TAG]) for name, value in tags.items()]
        for start in range(0, len(rows), _PARAM_BATCH):
            self.store.client.log_batch(self.run_id, tags=rows[start : start + _PARAM_BATCH])

    def came_from(self, origin: Mapping[str, str]) -> None:
        """Tags that say what started it; flow runs are gathered, since a killed one is resumed."""
        earlier = self.store.client.get_run(self.run_id).data.tags.get(FLOW_RUN)
        mine = origin.get(FLOW_RUN)
        both = f"{mine},{earlier}" if mine and earlier else mine or earlier
        self.tags({**origin, **({FLOW_RUN: both} if both else {})})

    def dataset(self, source: str, digest: str, context: str = "training") -> None:
        """The data that went in: ``digest`` is DVC's md5. Logged again, it stays one input."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        # the version is part of the digest: MLflow keeps one row per (name, digest), 36 long
        dataset = Dataset(
            name=Path(source).name,
            digest=digest[:36],
            source_type="local",
            source=json.dumps({"uri": source}),
        )
        tags = [InputTag("mlflow.data.context", context), InputTag("data.md5", digest)]
        self.store.client.log_inputs(self.run_id, [DatasetInput(dataset, tags)])

    def file(self, path: Path, folder: str | None = None) -> None:
        self.store.client.log_artifact(self.run_id, str(path), folder)

    def text(self, name: str, text: str) -> None:
        self.store.client.log_text(self.run_id, text, name)

    def end(self, status: Status, reason: str = "") -> None:
        if reason:
            self.tags({REASON: reason})
        self.store.client.set_terminated(self.run_id, status)

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Close the run with what became of the block, whatever that is."""
        try:
            yield
        except SteadycodeError as fault:
            self.end("FAILED", str(fault))
            raise
        except KeyboardInterrupt:
            self.end("KILLED", "interrupted")
            raise
        except Exception as fault:
            self.text("fault.txt", traceback.format_exc())
            self.end("FAILED", f"{type(fault).__name__}: {fault}")
            raise
        except BaseException as signal:  # Prefect's, when the worker is gone or told to stop
            self.end("KILLED", f"stopped from outside ({type(signal).__name__})")
            raise
        self.end("FINISHED")


class MetricBuffer:
    """Gathers points and sends them in batches: sqlite takes 500 rows as fast as five."""

    def __init__(self, run: RetrainingRun, size: int = 500, seconds: float = 2.0) -> None:
        self._run = run
        self._size = size
        self._seconds = seconds
        self._points: list[Point] = []
        self._sent = time.monotonic()

    def add(self, name: str, value: float, step: int, time_ms: int) -> None:
        self._points.append((name, value, step, time_ms))
        if len(self._points) >= self._size or time.monotonic() - self._sent >= self._seconds:
            self.flush()

    def flush(self) -> None:
        self._run.metrics(self._points)
        self._points.clear()
        self._sent = time.monotonic()

    def __enter__(self) -> "MetricBuffer":
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()


def open_attempt_run(store: Store, lineage: Lineage, config: Config) -> RetrainingRun:
    """The run of this attempt: the one that an earlier, interrupted try began, else a new one."""
    name = f"retraining {lineage.retraining} attempt {lineage.attempt}"
    return _with_params(
        RetrainingRun(store, open_tagged(store, name, lineage.tags()), lineage), config
    )


def open_evaluation_run(
    store: Store, lineage: Lineage, config: Config, model: str
) -> RetrainingRun:
    """The run of an evaluation that belongs to no retraining."""
    tags = {**lineage.tags(), STAGE: "evaluate", "steadycode.model": model}
    run = RetrainingRun(store, open_tagged(store, f"evaluate {model}", tags), lineage, "evaluate")
    # found again by what is evaluated and how, so other settings may differ by then
    return _with_params(run, config, "evaluate.")


def _with_params(run: RetrainingRun, config: Config, prefix: str = "") -> RetrainingRun:
    from mlflow.entities import Param

    values = flat_params(config)
    params = [Param(key, value) for key, value in values.items() if key.startswith(prefix)]
    for start in range(0, len(params), _PARAM_BATCH):
        run.store.client.log_batch(run.run_id, params=params[start : start + _PARAM_BATCH])
    return run


def open_stage_run(parent: RetrainingRun, stage: str) -> RetrainingRun:
    """The nested run of one stage: the finished one, else a new one.

    A run that was cut short keeps what it shows, but is set aside: the stage starts again, and
    its steps must not stand twice in one run.
    """
    lineage, store = parent.lineage, parent.store
    tags = {**lineage.tags(), STAGE: stage, "mlflow.parentRunId": parent.run_id}
    with store.writing():
        earlier = _find(store, lineage.retraining, str(lineage.attempt), stage)
        if earlier and store.client.get_run(earlier).info.status != "FINISHED":
            store.client.set_tag(earlier, SET_ASIDE, "true")
            if store.client.get_run(earlier).info.status == "RUNNING":
                store.client.set_terminated(earlier, "KILLED")
        return RetrainingRun(store, open_tagged(store, stage, tags), lineage, stage)


def find_attempt_run(store: Store, retraining: str, attempt: int) -> str | None:
    """The run id of an attempt, or None."""
    return _find(store, retraining, str(attempt), stage="")


def evidence_values(evidence: Evidence) -> dict[str, float]:
    """Metric name -> value of what has no interval of its own."""
    loss = evidence.heldout_loss
    return {
        "heldout/loss": loss,
        "heldout/perplexity": math.exp(min(loss, 700.0)),  # beyond that exp() overflows
        **{f"representation/{name}": value for name, value in evidence.representation.items()},
        **{f"cost/{name}": value for name, value in evidence.cost.items()},
    }


def flat_params(config: Config) -> dict[str, str]:
    """``train.steps`` -> ``40`` for every leaf of the configuration."""

    def walk(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
        if isinstance(value, dict):
            for key in value:
                yield from walk(f"{prefix}.{key}" if prefix else str(key), value[key])
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            yield prefix, text[:_LONGEST_PARAM]

    return dict(walk("", config.model_dump(mode="json")))


def url_hint(store: Store, run_id: str) -> str:
    """The part of the MLflow page's address behind the host: ``#/experiments/1/runs/…``.

    Raises ConfigError when there is no such run.
    """
    from mlflow.exceptions import MlflowException

    try:
        experiment = store.client.get_run(run_id).info.experiment_id
    except MlflowException as error:
        raise ConfigError(f"there is no run {run_id} in {store.tracking_uri}") from error
    return f"#/experiments/{experiment}/runs/{run_id}"


def way_to(run: RetrainingRun) -> str:
    """The command, or for a server the address, that shows ``run``."""
    if run.store.embedded:
        return f"steadycode ui --run {run.run_id}"
    return f"{run.store.tracking_uri.rstrip('/')}/{url_hint(run.store, run.run_id)}"


def open_tagged(store: Store, name: str, tags: Mapping[str, str]) -> str:
    """The id of the run with the retraining, attempt and stage in ``tags``; begun when new."""
    with store.writing():  # two processes must not begin the same run twice
        tags = {**tags, PROCESS: str(ProcessId.mine())}
        found = _find(
            store,
            tags[RETRAINING],
            tags[ATTEMPT],
            tags.get(STAGE, ""),
        )
        if found is None:
            run = store.client.create_run(store.experiment_id, tags=dict(tags), run_name=name)
            return str(run.info.run_id)
        store.client.update_run(found, status="RUNNING")
        for key, value in tags.items():
            store.client.set_tag(found, key, value)
        for of_an_earlier_end in {REASON, FAILED_STAGE} & set(
            store.client.get_run(found).data.tags
        ):
            store.client.delete_tag(found, of_an_earlier_end)
        return found


def _find(store: Store, retraining: str, attempt: str, stage: str) -> str | None:
    runs = store.client.search_runs(
        [store.experiment_id],
        f"tags.`steadycode.retraining` = '{retraining}' "
        f"AND tags.`steadycode.attempt` = '{attempt}'",
        order_by=["attributes.start_time ASC"],
    )
    for run in runs:
        tags = run.data.tags
        if tags.get(STAGE, "") == stage and SET_ASIDE not in tags:
            return str(run.info.run_id)
    return None
