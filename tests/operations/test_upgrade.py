"""What the first release has left is opened by this one, and its champion is kept."""

from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest

from steadycode.gate.policy import Policy, load_policy
from steadycode.models import fingerprint
from steadycode.operations import services
from steadycode.operations.doctor import examine, repair
from steadycode.operations.retention import collect_garbage
from steadycode.operations.unseen import left_alone
from steadycode.project import Project
from steadycode.registry.listing import recent_runs
from steadycode.registry.promotion import bootstrap, recorded_decision, rollback
from steadycode.registry.store import Store, open_store
from steadycode.registry.versions import champion, fetch, register, resolve
from steadycode.retraining.evaluation import earlier_reports
from tests.builders.earlier import FINGERPRINTS, RETRAINING, earlier_project, weights
from tests.builders.evidence import lineage


@pytest.fixture
def earlier(project: Project, monkeypatch: pytest.MonkeyPatch) -> Store:
    # MLflow resolves the source of a version in its global store, which it mirrors in here
    mlflow.set_tracking_uri(f"sqlite:///{project.mlruns}/mlflow.db")
    earlier_project(project.root)
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # unset
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return open_store(project)


def test_the_champion_is_kept(project: Project, earlier: Store) -> None:
    now = champion(earlier, "steadycode")
    assert now is not None
    assert (now.version, now.fingerprint) == (2, FINGERPRINTS[2])
    for number, expected in FINGERPRINTS.items():
        assert fingerprint(fetch(earlier, f"models:/steadycode/{number}")) == expected
    decision = recorded_decision(now)
    assert decision is not None
    assert (decision.outcome, decision.retraining) == ("promote", RETRAINING)
    rules = ("correctness/full", "correctness/partial", "robustness", "loss")
    assert load_policy(project) == Policy(rules=rules, improvement_in=rules)  # as its file says
    names = {row.name for row in recent_runs(earlier, 9)}
    assert names == {f"{RETRAINING} 1", "killed"}


def test_it_is_worked_on(project: Project, earlier: Store, tmp_path: Path) -> None:
    """The base again, another name beside it, an attempt that is resumed, and a rollback."""
    base = weights(tmp_path / "base", 1)
    assert bootstrap(earlier, "steadycode", base).version == 2  # there is a champion
    other = bootstrap(earlier, "other", weights(tmp_path / "other", 3))
    assert fetch(earlier, other.spec).is_dir()
    run = earlier.client.create_run(earlier.experiment_id).info.run_id
    tags = lineage(RETRAINING, 1).tags()
    again = register(earlier, "steadycode", weights(tmp_path / "again", 2), run, tags)
    assert again.version == 2
    assert rollback(earlier, "steadycode", "ada", "to see").version == 1
    assert resolve(earlier, "models:/steadycode@previous-champion").version == 2
    for number, expected in FINGERPRINTS.items():
        assert fingerprint(fetch(earlier, f"models:/steadycode/{number}")) == expected


def test_what_was_killed_is_put_right_and_nothing_else(project: Project, earlier: Store) -> None:
    known = services.recorded(project)
    assert known is not None
    assert known.alive("prefect") == psutil.Process()
    assert known.alive("mlflow") is None
    assert [one.what.partition(" (")[0] for one in examine(project) if one.repair] == [
        "MLflow run 'killed'"
    ]
    assert len(repair(project, print)) == 1
    assert left_alone(project) == []
    assert collect_garbage(project, 0, dry_run=False).gone == ()
    assert fetch(earlier, "models:/steadycode@champion").is_dir()


@pytest.mark.parametrize("damage", [None, '{"schema": 0}', '{"schema": 99}', "{}", ""])
def test_evidence_of_another_release_is_no_fault(
    project: Project, earlier: Store, damage: Any
) -> None:
    """It is read, or it is made again; nothing ends for its sake."""
    if damage is not None:
        for path in project.evaluations.glob("*/evidence.json"):
            path.write_text(damage)
    assert len(earlier_reports(project)) in ((0, 2) if damage is None else (0,))
