"""The whole job on real parts: what an engineer finds after the first and the second run."""

import json
from pathlib import Path
from typing import Any

import pytest

PARTS = {"validate", "train", "evaluate-champion", "evaluate-candidate", "register", "decide"}


@pytest.fixture(scope="module")
def two_runs(workplace: Any) -> list[str]:
    """The output of building the data and of two retrainings with the smoke profile."""
    built = workplace.run("data", "build", "--force")
    assert built.returncode == 0, built.stderr
    workplace.dvc_add()
    workplace.git("add", "-A")
    workplace.git("commit", "-qm", "start")
    outputs = []
    for _ in range(2):
        done = workplace.run("retrain", "--profile", "smoke")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        outputs.append(done.stdout)
    return outputs


@pytest.fixture(scope="module")
def client(workplace: Any, two_runs: list[str]) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{workplace.root}/mlruns/mlflow.db")


@pytest.fixture(scope="module")
def parents(client: Any) -> list[Any]:
    experiment = client.get_experiment_by_name("steadycode-smoke")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    return [run for run in runs if run.data.tags.get("steadycode.retraining", "base") != "base"
            and "steadycode.stage" not in run.data.tags]  # fmt: skip


def test_the_terminal_shows_table_decision_and_the_way_to_the_run(
    two_runs: list[str], parents: list[Any]
) -> None:
    for output, parent in zip(two_runs, parents, strict=True):
        assert "pass@1, full prompt" in output
        assert "subset: 4 of 164 problems" in output
        assert "decision: undecided" in output or "decision: reject" in output
        assert f"steadycode ui --run {parent.info.run_id}" in output


def test_two_attempts_stand_side_by_side(parents: list[Any]) -> None:
    assert [run.data.tags["steadycode.attempt"] for run in parents] == ["1", "2"]
    assert len({run.data.tags["steadycode.retraining"] for run in parents}) == 1
    first, second = (run.data.metrics for run in parents)
    assert first["heldout/loss"] != second["heldout/loss"]
    for name in ("recode/full/pass_at_1", "recode/partial/pass_at_1", "representation/isotropy"):
        assert name in first
        assert name in second


def test_every_stage_is_a_nested_run_that_finished(client: Any, parents: list[Any]) -> None:
    for parent in parents:
        assert parent.info.status == "FINISHED"
        nested = client.search_runs(
            [parent.info.experiment_id],
            f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'",
        )
        assert {run.data.tags["steadycode.stage"] for run in nested} == PARTS
        assert {run.info.status for run in nested} == {"FINISHED"}


def test_the_training_run_holds_every_step(client: Any, parents: list[Any]) -> None:
    train = _nested(client, parents[0], "train")
    for name in ("train/loss_mle", "train/loss_token", "train/loss_sequence", "train/grad_norm"):
        history = client.get_metric_history(train.info.run_id, name)
        assert sorted(metric.step for metric in history) == [1, 2, 3, 4]


def test_parameters_data_and_artifacts_are_recorded(client: Any, parents: list[Any]) -> None:
    run = parents[0]
    assert run.data.params["train.steps"] == "4"
    assert run.data.tags["data.md5"].endswith(".dir")
    assert len(run.data.tags["git.commit"]) == 40
    assert run.inputs.dataset_inputs[0].dataset.name == "train.jsonl"
    names = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert {"config.json", "validation.html", "report.html", "evidence.json"} <= names
    assert "decision.json" in names


def test_evidence_on_the_champion_is_reused(client: Any, parents: list[Any]) -> None:
    reused = [_nested(client, run, "evaluate-champion").data.tags["evidence.reused"]
              for run in parents]  # fmt: skip
    assert reused == ["false", "true"]
    assert _nested(client, parents[1], "evaluate-candidate").data.tags["evidence.reused"] == "false"


def test_the_base_is_champion_and_both_candidates_are_registered(client: Any) -> None:
    versions = client.search_model_versions("name = 'steadycode-smoke'")
    decisions = {int(version.version): version.tags["decision"] for version in versions}
    assert decisions[1] == "bootstrap"
    assert set(decisions) == {1, 2, 3}
    assert int(client.get_model_version_by_alias("steadycode-smoke", "champion").version) == 1


def test_weights_are_stored_once(workplace: Any, two_runs: list[str]) -> None:
    weights = [path for path in workplace.root.rglob("*.safetensors")
               if workplace.root / "models" not in path.parents]  # fmt: skip
    assert len(weights) == 3
    assert all(workplace.root / "mlruns" in path.parents for path in weights)


def test_no_page_loads_anything_from_elsewhere(workplace: Any, two_runs: list[str]) -> None:
    pages = list((workplace.root / "mlruns").rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text()
        assert "src=" not in text
        assert "<link" not in text
        assert "@import" not in text


def test_poisoned_data_stops_the_run_before_training(
    workplace: Any, client: Any, parents: list[Any]
) -> None:
    before = client.search_model_versions("name = 'steadycode-smoke'")
    train = workplace.root / "data" / "train.jsonl"
    healthy = train.read_text()
    rows = [json.loads(line) for line in healthy.splitlines()]
    _poison(train, rows)

    differs = workplace.run("retrain", "--profile", "smoke")
    assert differs.returncode == 2
    assert "train.jsonl" in differs.stderr
    assert "--allow-dirty-data" in differs.stderr

    workplace.dvc_add()
    stopped = workplace.run("retrain", "--profile", "smoke")
    assert stopped.returncode == 2
    assert "Traceback" not in stopped.stderr + stopped.stdout
    for line in (2, 4, len(rows) + 1):
        assert f"train.jsonl:{line}" in stopped.stderr
    assert len(client.search_model_versions("name = 'steadycode-smoke'")) == len(before)
    experiment = parents[0].info.experiment_id
    latest = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    failed = next(run for run in latest if "steadycode.stage" not in run.data.tags)
    assert failed.info.status == "FAILED"
    assert "train.jsonl" in failed.data.tags["steadycode.reason"]
    assert not any(run.data.tags.get("steadycode.stage") == "train" for run in latest
                   if run.data.tags.get("mlflow.parentRunId") == failed.info.run_id)  # fmt: skip
    train.write_text(healthy)
    workplace.dvc_add()


def _poison(path: Path, rows: list[dict[str, Any]]) -> None:
    """Line 2 no longer parses, line 4 has a forbidden licence, and the last repeats the first."""
    import hashlib

    broken = rows[1]["content"] + "\ndef (:\n"
    rows[1] |= {"content": broken, "sha256": hashlib.sha256(broken.encode()).hexdigest()}
    rows[3]["licence"] = "AGPL-3.0-only"
    lines = [json.dumps(row) for row in [*rows, rows[0]]]
    path.write_text("\n".join(lines) + "\n")


def _nested(client: Any, parent: Any, stage: str) -> Any:
    (run,) = client.search_runs(
        [parent.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' "
        f"AND tags.`steadycode.stage` = '{stage}'",
    )
    return run
