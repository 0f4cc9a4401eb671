"""Evidence that an earlier run has left, beside evidence of today."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from steadycode.config import load_config
from steadycode.corpus.versions import DataVersion
from steadycode.files import read_json, sha256_file, write_json, write_jsonl
from steadycode.gate.policy import Policy
from steadycode.models.tiny import save_tiny
from steadycode.problems import load_problems
from steadycode.project import Project
from steadycode.registry import promotion
from steadycode.registry.attempts import open_attempt_run
from steadycode.registry.store import open_store
from steadycode.retraining import steps
from steadycode.retraining.attempt import open_attempt
from steadycode.retraining.context import Retraining
from steadycode.retraining.publishing import Evaluated
from tests.builders.evidence import lineage

RECIPE = {
    "seed": 0, "vocabulary": 400, "hidden": 32, "layers": 1, "heads": 2, "window": 1024,
    "dtype": "float32",
}  # fmt: skip


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The flow's file, whose task is called as the plain function that it wraps."""
    module = import_module("flows.retrain")
    monkeypatch.setattr(module, "evaluate", steps.evaluate)
    return module


@pytest.fixture
def work(project: Project, tmp_path: Path) -> Retraining:
    base = tmp_path / "base"
    save_tiny(RECIPE, base)
    write_jsonl(tmp_path / "problems.jsonl", load_problems("humaneval")[:2])
    write_jsonl(project.data / "test.jsonl", ({"content": f"x = {n}\n" * 9} for n in range(3)))
    settings = (f"problems={tmp_path / 'problems.jsonl'}", "perturbations=[]",
                "decoding.max_new_tokens=2")  # fmt: skip
    config = load_config("smoke", [f"evaluate.{setting}" for setting in settings])
    store = open_store(project, config.experiment)
    promotion.bootstrap(store, config.model.registered_name, base)
    return Retraining(
        project=project,
        config=config,
        policy=Policy(),
        data=DataVersion(md5="d.dir", recorded_md5="d.dir", dirty=False, git_commit=None),
        base=base,
        start=base,
        attempt=open_attempt(project, config, "abc"),
        store=store,
        run=open_attempt_run(store, lineage(), config),
        console=Console(quiet=True),
    )


def _made_before_an_upgrade(evaluated: Evaluated) -> None:
    """Let the evidence be finished work of a time in which the machine isolated nothing."""
    earlier = evaluated.evidence.conditions
    earlier = replace(earlier, limits={**earlier.limits, "sandbox": "of earlier times"})
    replace(evaluated.evidence, conditions=earlier).write(evaluated.path)
    path = evaluated.path.with_name("manifest.json")
    manifest = read_json(path)
    manifest["outputs"][evaluated.path.name] = sha256_file(evaluated.path)
    write_json(path, manifest)


def test_what_an_upgrade_made_unlike_is_evaluated_again(
    flow: Any, work: Retraining, tmp_path: Path
) -> None:
    save_tiny({**RECIPE, "seed": 1}, tmp_path / "candidate")
    left = steps.evaluate(work, "champion", steps.champion_model(work))
    _made_before_an_upgrade(left)
    assert steps.evaluate(work, "champion", steps.champion_model(work)).reused
    champion, candidate = flow.evaluate_both(work, tmp_path / "candidate")
    assert not champion.reused
    assert champion.evidence.conditions == left.evidence.conditions
    assert champion.evidence.conditions.differences(candidate.evidence.conditions) == []

    _made_before_an_upgrade(candidate)  # as of an attempt that is resumed after one
    champion, candidate = flow.evaluate_both(work, tmp_path / "candidate")
    assert not steps.unlike(champion, candidate)
    assert [one.reused for one in flow.evaluate_both(work, tmp_path / "candidate")] == [True, True]
