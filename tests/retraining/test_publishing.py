"""Decisions that were recorded, and whose run was killed before it could publish them."""

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from steadycode.config import Config, load_config
from steadycode.files import write_json
from steadycode.gate.decide import Facts, decide
from steadycode.gate.decision import Decision
from steadycode.gate.policy import Policy
from steadycode.locks import lock_of, locked
from steadycode.models import fingerprint
from steadycode.project import Project
from steadycode.registry import promotion, versions
from steadycode.registry.attempts import open_attempt_run
from steadycode.registry.listing import recent_runs
from steadycode.registry.store import Store, open_store
from steadycode.retraining.attempt import Attempt
from steadycode.retraining.publishing import publish_recorded
from tests.builders.evidence import evidence, lineage, marks, model_folder


@dataclass
class Killed:
    """An attempt whose candidate became champion, and whose run was then killed."""

    project: Project
    store: Store
    config: Config
    folder: Path
    run_id: str
    decision: Decision

    def publish(self, current: Path) -> str:
        """As the next run does; returns what it prints."""
        out = StringIO()
        attempt = Attempt(retraining="other", number=1, folder=current, seed=0)
        publish_recorded(self.project, attempt, Console(file=out, width=300))
        return out.getvalue()


@pytest.fixture
def killed(project: Project, tmp_path: Path) -> Killed:
    config = load_config("smoke")
    name = config.model.registered_name
    store = open_store(project, config.experiment)
    base, better = (model_folder(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 2)))
    promotion.bootstrap(store, name, base)
    folder = project.attempt("abc", 1)
    write_json(folder / "config.json", config.model_dump(mode="json"))
    (folder / "train" / "model").mkdir(parents=True)
    run = open_attempt_run(store, lineage(), config)
    versions.register(store, name, better, run.run_id, lineage().tags())
    mine = evidence(marks(60, 164), robust=marks(84, 164), fingerprint=fingerprint(better))
    theirs = evidence(marks(60, 164), fingerprint=fingerprint(base))
    for place, found in (("mine", mine), ("theirs", theirs)):
        (project.evaluations / place).mkdir(parents=True)
        found.write(project.evaluations / place / "evidence.json")
    facts = Facts(retraining="abc", attempt=1, data_valid=True)
    decision = decide(mine, theirs, Policy(), facts)
    promotion.apply(store, name, decision)
    run.end("KILLED", "its process ended without a word")
    return Killed(project, store, config, folder, run.run_id, decision)


def test_the_next_run_publishes_what_stands_in_the_registry(killed: Killed) -> None:
    shown = killed.publish(current=killed.project.attempt("other", 1))
    assert "publishing what was decided in attempt 1 of retraining abc" in shown
    assert "decision: promote" in shown
    assert Decision.read(killed.folder / "decision.json") == killed.decision
    assert "<html" in (killed.folder / "report.html").read_text()
    assert not (killed.folder / "train" / "model").exists()
    run = killed.store.client.get_run(killed.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["decision.reason"] == killed.decision.reason
    assert run.data.metrics["heldout/loss"] == pytest.approx(1.0295, abs=1e-3)
    names = {file.path for file in killed.store.client.list_artifacts(killed.run_id)}
    assert {"decision.json", "report.html", "evidence.json"} <= names
    (row,) = recent_runs(killed.store, 9)
    assert (row.status, row.decision, row.reason) == ("finished", "promote", "")
    assert killed.publish(current=killed.project.attempt("other", 1)) == ""  # once


def test_without_evidence_there_is_the_decision_alone(killed: Killed) -> None:
    for file in killed.project.evaluations.glob("*/evidence.json"):
        file.write_text("{}")
    killed.publish(current=killed.project.attempt("other", 1))
    assert Decision.read(killed.folder / "decision.json") == killed.decision
    assert not (killed.folder / "report.html").exists()
    assert killed.store.client.get_run(killed.run_id).info.status == "FINISHED"


@pytest.mark.parametrize("lost", ["run", "settings"])
def test_what_cannot_be_published_keeps_no_other_run_from_its_start(
    killed: Killed, lost: str
) -> None:
    if lost == "run":  # as by `mlflow gc`
        killed.store.client.delete_run(killed.run_id)
        killed.store.client._tracking_client.store._hard_delete_run(killed.run_id)
    else:
        write_json(killed.folder / "config.json", [])
    shown = killed.publish(current=killed.project.attempt("other", 1))
    assert "its decision cannot be published" in shown
    assert not (killed.folder / "decision.json").exists()


def test_aliases_that_a_kill_left_where_they_were_are_moved(killed: Killed) -> None:
    name = killed.config.model.registered_name
    killed.store.client.set_registered_model_alias(name, versions.CHAMPION, "1")
    killed.store.client.delete_model_version_tag(name, "2", promotion.CARRIED_OUT)
    killed.publish(current=killed.project.attempt("other", 1))
    champion = versions.champion(killed.store, name)
    assert champion is not None
    assert champion.retraining == "abc"


def test_an_alias_that_a_person_has_moved_since_stays(killed: Killed) -> None:
    name = killed.config.model.registered_name
    killed.store.client.set_registered_model_alias(name, versions.CHAMPION, "1")
    shown = killed.publish(current=killed.project.attempt("other", 1))
    assert "overtaken: the aliases of models:/steadycode-smoke/2 were moved by hand" in shown
    champion = versions.champion(killed.store, name)
    assert champion is not None
    assert champion.version == 1
    assert Decision.read(killed.folder / "decision.json") == killed.decision


def _resume(killed: Killed) -> Path:
    return killed.folder


def _undecided(killed: Killed) -> Path:
    name = killed.config.model.registered_name
    killed.store.client.delete_model_version_tag(name, "2", promotion.RECORD)
    return killed.project.attempt("other", 1)


@pytest.mark.parametrize("case", [_resume, _undecided], ids=["resumed", "undecided"])
def test_what_is_still_to_be_decided_is_left_alone(
    killed: Killed, case: Callable[[Killed], Path]
) -> None:
    assert killed.publish(current=case(killed)) == ""
    assert not (killed.folder / "decision.json").exists()
    assert killed.store.client.get_run(killed.run_id).info.status == "KILLED"


def test_an_attempt_that_somebody_works_on_is_left_alone(killed: Killed) -> None:
    with locked(lock_of(killed.folder)):
        assert killed.publish(current=killed.project.attempt("other", 1)) == ""


def test_what_cannot_be_published_is_told_and_stops_nothing(killed: Killed) -> None:
    (killed.folder / "config.json").write_text("{")
    shown = killed.publish(current=killed.project.attempt("other", 1))
    assert "its decision cannot be published" in shown
    assert "Traceback" not in shown
