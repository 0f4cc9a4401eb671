"""Four retrainings at once on one embedded store, each of which beats the model it began with."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

SEEDS = range(4)
STEPS = 40
LENIENT = {
    "margin": 0.5,
    "min_problems": 2,
    "min_documents": 2,
    "max_loss_increase": 100.0,
    "improvement_in": ["loss"],
}
"""Four problems that no tiny model solves settle nothing under the usual policy."""


@pytest.fixture(scope="module")
def outputs(four: Any) -> list[str]:
    return [(four.root / f"output-{seed}.txt").read_text() for seed in SEEDS]


@pytest.fixture(scope="module")
def four(new_workplace: Callable[[], Any]) -> Any:
    place = new_workplace()
    (place.root / "configs" / "lenient.yaml").write_text(yaml.safe_dump(LENIENT))
    flows = []
    for seed in SEEDS:
        settings = (f"seed={seed}", f"train.steps={STEPS}", "gate=lenient")
        options = [word for setting in settings for word in ("--set", setting)]
        flows.append(place.start("retrain", "--profile", "smoke", *options))
        (place.root / "output.txt").rename(place.root / f"output-{seed}.txt")
    for seed, flow in zip(SEEDS, flows, strict=True):
        code = flow.wait(timeout=900)
        assert code == 0, (place.root / f"output-{seed}.txt").read_text()[-3000:]
    return place


def test_all_are_decided_and_exactly_one_is_champion(four: Any) -> None:
    attempts = four.attempts()
    assert [run.info.status for run in attempts] == ["FINISHED"] * 4
    assert sorted(run.data.params["seed"] for run in attempts) == ["0", "1", "2", "3"]
    registry = four.registry()
    assert sorted(version for _, version in registry["versions"]) == [1, 2, 3, 4, 5]
    champion = registry["aliases"]["steadycode-smoke"]["champion"]
    assert champion != 1  # better than the model that all began with
    assert "promote" in {run.data.tags["decision"] for run in attempts}


def test_each_was_compared_with_the_champion_of_its_moment(four: Any) -> None:
    """In the order of their decisions, everyone meets the one that was promoted before."""
    decisions = []
    for version in four.registry()["versions"].values():
        record = json.loads(version[2]["decision.record"])
        decisions.append((record["evidence"], record["outcome"]))
    champions = [evidence["champion"]["fingerprint"] for evidence, outcome in decisions
                 if outcome == "promote"]  # fmt: skip
    assert len(set(champions)) == len(champions)  # no two replaced the same one


def test_no_metric_is_lost(four: Any) -> None:
    for run in four.attempts():
        (train,) = four.runs(mlflow__parentRunId=run.info.run_id, steadycode__stage="train")
        for name in ("train/loss_mle", "train/loss_token", "train/loss_sequence"):
            history = four.client().get_metric_history(train.info.run_id, name)
            assert sorted(point.step for point in history) == list(range(1, STEPS + 1))


def test_nobody_found_a_locked_database(four: Any, outputs: list[str]) -> None:
    for output in outputs:
        assert "locked" not in output
        assert "Traceback" not in output
    with closing(sqlite3.connect(four.root / ".prefect/prefect.db")) as database:
        query = "SELECT state_type, count(*) FROM flow_run GROUP BY state_type"
        assert dict(database.execute(query).fetchall()) == {"COMPLETED": 4}
        logs = "SELECT count(*) FROM log WHERE message LIKE '%locked%'"
        assert database.execute(logs).fetchone() == (0,)


def test_nothing_is_left(four: Any) -> None:
    assert four.processes() == {}
    assert four.run("doctor").stdout.strip() == "nothing is left of earlier runs"
