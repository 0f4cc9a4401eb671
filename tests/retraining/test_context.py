"""What a stage tells, on its way to MLflow; and which attempt a retraining goes on with."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from steadycode.config import load_config
from steadycode.corpus.versions import DataVersion
from steadycode.gate.decision import Compared, Decision, EvidenceRef
from steadycode.gate.policy import Policy
from steadycode.models import fingerprint
from steadycode.project import Project
from steadycode.registry import promotion, versions
from steadycode.registry.attempts import open_attempt_run
from steadycode.registry.runs import Lineage, MetricBuffer
from steadycode.registry.store import open_store
from steadycode.retraining import context, fit, preflight, steps
from steadycode.retraining.context import StageLog
from steadycode.views.console import StageView
from tests.builders.evidence import model_folder


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


class Kill(BaseException):
    """Ends a block as a signal ends a process."""


@pytest.fixture
def start(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Opens a retraining from the champion, with one configuration on one version of the data."""
    base = model_folder(tmp_path / "base", 1)
    config = load_config("smoke", ["model.start=champion", f"model.base={base}"])
    (project.configs / "base-models.yaml").write_text("{}")
    data = DataVersion(md5="d.dir", recorded_md5="d.dir", dirty=False, git_commit="1" * 40)
    monkeypatch.setattr(preflight, "check_decision", lambda project, config: Policy())
    monkeypatch.setattr(preflight, "check_evaluation", lambda project, config, say: 50)
    for check in ("check_machine", "check_training", "check_evaluating", "check_tokenizer"):
        monkeypatch.setattr(fit, check, lambda *_: None)
    monkeypatch.setattr(context, "check_documents", lambda *_: None)
    monkeypatch.setattr(context, "check_data", lambda project, dirty: data)
    (project.data).mkdir()
    (project.data / "train.jsonl").touch()

    def opened(**changes: Any) -> Any:
        given = config.model_copy(update=changes)
        return context.open_retraining(project, given, False, Console(quiet=True), {})

    return opened


def _promoted(work: Any, candidate: Path) -> None:
    """What the run does between its evaluations and the publishing of the decision."""
    version = steps.register(work, candidate)
    name = work.config.model.registered_name
    champion = versions.champion(work.store, name)
    decision = Decision(
        outcome="promote",
        reason="it is better",
        rules=(),
        evidence=Compared(
            candidate=EvidenceRef(fingerprint=version.fingerprint, sha256="c" * 64),
            champion=EvidenceRef(fingerprint=champion.fingerprint, sha256="b" * 64),
        ),
        retraining=work.attempt.retraining,
        attempt=work.attempt.number,
    )
    promotion.apply(work.store, name, decision)


def _killed_after_promoting(start: Any, candidate: Path) -> Any:
    with pytest.raises(Kill), start() as first:
        steps.champion_model(first)
        _promoted(first, candidate)
        raise Kill
    return first


def test_killed_after_its_promotion_an_attempt_from_the_champion_goes_on(
    start: Any, tmp_path: Path
) -> None:
    better = model_folder(tmp_path / "better", 2)
    first = _killed_after_promoting(start, better)
    with start() as again:
        assert again.attempt == first.attempt
        assert fingerprint(again.start) == fingerprint(first.start)
        against = steps.champion_model(again)
        assert fingerprint(against) == fingerprint(first.base)
        again.attempt.decision_path.touch()
    with start() as following:
        assert following.attempt.retraining != first.attempt.retraining
        assert fingerprint(following.start) == fingerprint(better)


def test_another_configuration_starts_from_the_new_champion_and_publishes_the_decision(
    start: Any, tmp_path: Path
) -> None:
    better = model_folder(tmp_path / "better", 2)
    first = _killed_after_promoting(start, better)
    with start(seed=5) as other:
        assert fingerprint(other.start) == fingerprint(better)
    assert Decision.read(first.attempt.decision_path).outcome == "promote"
    run = first.store.client.get_run(first.run.run_id)
    assert (run.info.status, run.data.tags["decision"]) == ("FINISHED", "promote")
