"""Unfit data never reaches the registry, and unversioned data never becomes champion."""

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

RETRAIN = ("retrain", "--profile", "smoke")
REGISTRY = (
    *("registered_models", "registered_model_aliases", "registered_model_tags"),
    *("model_versions", "model_version_tags", "logged_models"),
)


@pytest.fixture(scope="module")
def champion(workplace: Any) -> Any:
    """A project with a champion and a judged candidate."""
    done = workplace.run(*RETRAIN)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return workplace


@pytest.fixture
def data(champion: Any, tmp_path: Path) -> Iterator[Path]:
    """data/ of that project; as it was, and recorded as it was, when the test is over."""
    folder, recorded = champion.root / "data", champion.root / "data.dvc"
    shutil.copytree(folder, tmp_path / "data")
    shutil.copy(recorded, tmp_path)
    yield folder
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "data", folder)
    shutil.copy(tmp_path / "data.dvc", recorded)


def test_poison_stops_the_very_first_run(new_workplace: Callable[[], Any]) -> None:
    place = new_workplace()
    poisoned = _poison(place.root / "data" / "train.jsonl")
    place.dvc_add()

    _assert_stopped(place, poisoned)
    with closing(sqlite3.connect(place.root / "mlruns" / "mlflow.db")) as database:
        for table in REGISTRY:
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert not list(place.root.glob(".steadycode/retrainings/*/*/train"))
    assert not list((place.root / "mlruns").rglob("*.safetensors"))


def test_poison_leaves_versions_tags_and_aliases_alone(champion: Any, data: Path) -> None:
    before = champion.registry()
    assert before["aliases"] == {"steadycode-smoke": {"champion": 1}}
    assert set(before["versions"]) == {("steadycode-smoke", 1), ("steadycode-smoke", 2)}
    poisoned = _poison(data / "train.jsonl")
    champion.dvc_add()

    _assert_stopped(champion, poisoned)
    assert champion.registry() == before


def test_data_that_differs_is_refused(champion: Any, data: Path) -> None:
    before, runs = champion.registry(), len(champion.runs())
    _drop_a_row(data / "train.jsonl")

    done = champion.run(*RETRAIN)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert "train.jsonl" in done.stderr
    assert "--allow-dirty-data" in done.stderr
    assert champion.registry() == before
    assert len(champion.runs()) == runs


def test_a_run_on_dirty_data_is_tagged_and_rejected(champion: Any, data: Path) -> None:
    before = champion.registry()
    _drop_a_row(data / "train.jsonl")

    done = champion.run(*RETRAIN, "--allow-dirty-data")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "decision: reject" in done.stdout
    run = champion.attempts()[-1]
    assert run.info.status == "FINISHED"
    assert run.data.tags["data.dirty"] == "true"
    assert run.data.tags["decision"] == "reject"
    after = champion.registry()
    _, _, tags = after["versions"].pop(("steadycode-smoke", 3))
    assert tags["data.dirty"] == "true"
    assert tags["decision"] == "reject"
    assert "data/versioned" in tags["decision.record"]
    assert after == before


def _poison(train: Path) -> dict[str, int]:
    """Which line of ``train`` fails which check: one no longer parses, one has a forbidden
    licence, and the last repeats the first."""
    rows = [json.loads(line) for line in train.read_text().splitlines()]
    broken = rows[1]["content"] + "\ndef (:\n"
    rows[1] |= {"content": broken, "sha256": hashlib.sha256(broken.encode()).hexdigest()}
    rows[3]["licence"] = "AGPL-3.0-only"
    train.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    return {"parses": 2, "licence": 4, "unique": len(rows) + 1}


def _drop_a_row(train: Path) -> None:
    first, *others = train.read_text().splitlines(keepends=True)
    assert first
    train.write_text("".join(others))


def _assert_stopped(place: Any, poisoned: dict[str, int]) -> None:
    """The run ends in one line that names the rows, before anything was trained."""
    done = place.run(*RETRAIN)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    for check, line in poisoned.items():
        assert re.search(rf"\b{check} \([^\[]*\[[^\]]*train\.jsonl:{line} ", error), (check, error)
    run = place.attempts()[-1]
    assert run.info.status == "FAILED"
    assert "train.jsonl:2" in run.data.tags["steadycode.reason"]
    nested = place.runs(mlflow__parentRunId=run.info.run_id)
    assert [(r.data.tags["steadycode.stage"], r.info.status) for r in nested] == [
        ("validate", "FAILED")
    ]
