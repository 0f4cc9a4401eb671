"""Runs in MLflow: one per attempt at a retraining, with one nested run per stage."""

import json
import math
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steadycode.addresses import redacted
from steadycode.errors import ConfigError, SteadycodeError
from steadycode.evidence import Evidence
from steadycode.recode.report import Figure
from steadycode.registry.store import Store
from steadycode.registry.tags import (
    ATTEMPT,
    FLOW_RUN,
    REASON,
    RETRAINING,
)

Status = Literal["FINISHED", "FAILED", "KILLED"]
Point = tuple[str, float, int, int]
"""(name, value, step, time in milliseconds)"""

_BATCH = 1000  # what MLflow takes in one call
PARAM_BATCH = 100
_LONGEST_TAG = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a run and a version come from: what was retrained, on which data, with which code."""

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

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> "Lineage":
        """What ``tags`` gave."""
        return cls(
            retraining=tags[RETRAINING],
            attempt=int(tags[ATTEMPT]),
            profile=tags["steadycode.profile"],
            data_md5=tags["data.md5"],
            data_dirty=tags["data.dirty"] == "true",
            git_commit=tags["git.commit"],
        )


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
        """Log final metrics with their intervals, as NAME, NAME/low and NAME/high.

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
        """Log final metrics that have no interval; those that are NaN are left out."""
        now = time.time_ns() // 1_000_000
        self.metrics(
            (name, value, 0, now) for name, value in values.items() if not math.isnan(value)
        )

    def evidence(self, evidence: Evidence) -> None:
        """Log every figure of a model's evidence under its public name."""
        self.figures(evidence.report.figures)
        self.values(evidence_values(evidence))
        sandbox = str(evidence.conditions.limits.get("sandbox", "unknown"))
        self.tags({"recode.problems": evidence.report.label, "sandbox": sandbox})

    def tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        rows = [RunTag(name, str(value)[:_LONGEST_TAG]) for name, value in tags.items()]
        for start in range(0, len(rows), PARAM_BATCH):
            self.store.client.log_batch(self.run_id, tags=rows[start : start + PARAM_BATCH])

    def came_from(self, origin: Mapping[str, str]) -> None:
        """Tag the run with what started it. The ids of flow runs are gathered in one tag, since an
        attempt that was killed is resumed by another flow run."""
        earlier = self.store.client.get_run(self.run_id).data.tags.get(FLOW_RUN)
        mine = origin.get(FLOW_RUN)
        both = f"{mine},{earlier}" if mine and earlier else mine or earlier
        self.tags({**origin, **({FLOW_RUN: both} if both else {})})

    def dataset(self, source: str, digest: str, context: str = "training") -> None:
        """Log the data that went in; ``digest`` is DVC's md5. Logging it again adds no input."""
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
        """End the run as the block ends: FINISHED, FAILED with the error, or KILLED."""
        try:
            yield
        except SteadycodeError as fault:
            self.end("FAILED", str(fault))
            raise
        except KeyboardInterrupt:
            self.end("KILLED", "interrupted")
            raise
        except Exception as fault:
            self.text("fault.txt", redacted(traceback.format_exc()))
            self.end("FAILED", redacted(f"{type(fault).__name__}: {fault}"))
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


def evidence_values(evidence: Evidence) -> dict[str, float]:
    """Metric name -> value, for all in a model's evidence that has no interval of its own."""
    loss = evidence.heldout_loss
    return {
        "heldout/loss": loss,
        "heldout/perplexity": math.exp(min(loss, 700.0)),  # exp() overflows beyond 709
        **{f"representation/{name}": value for name, value in evidence.representation.items()},
        **{f"cost/{name}": value for name, value in evidence.cost.items()},
    }


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
    """The command, or for a server the address without a password, that shows ``run``."""
    if run.store.embedded:
        return f"steadycode ui --run {run.run_id}"
    return f"{redacted(run.store.tracking_uri).rstrip('/')}/{url_hint(run.store, run.run_id)}"
