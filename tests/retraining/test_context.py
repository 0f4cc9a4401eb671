"""What a stage tells, on its way to MLflow."""

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from steadycode.config import load_config
from steadycode.project import Project
from steadycode.registry.attempts import open_attempt_run
from steadycode.registry.runs import Lineage, MetricBuffer
from steadycode.registry.store import open_store
from steadycode.retraining.context import StageLog
from steadycode.views.console import StageView


def test_a_metric_without_a_value_is_no_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    project = Project(tmp_path)
    project.mlruns.mkdir()
    shutil.copyfile(empty_database, project.mlruns / "mlflow.db")
    lineage = Lineage(retraining="abc", attempt=1, profile="smoke", data_md5="9a6",
                      data_dirty=False, git_commit="none")  # fmt: skip
    config = load_config("smoke")
    store = open_store(project)
    run = open_attempt_run(store, lineage, config)
    view = StageView(Console(quiet=True), 1)
    with view.stage("train") as shown, MetricBuffer(run) as metrics:
        log = StageLog(run, metrics, shown, timeout=1.0)
        for step, value in enumerate([1.5, None, 0.5]):
            log({"kind": "metric", "name": "train/loss", "value": value, "step": step, "time": 1.0})
    history = store.client.get_metric_history(run.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.5), (2, 0.5)]
