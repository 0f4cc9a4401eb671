"""The whole job on real parts: what an engineer finds after the first and the second run."""

from typing import Any

import pytest

PARTS = {"validate", "train", "evaluate-champion", "evaluate-candidate", "register", "decide"}


@pytest.fixture(scope="module")
def two_runs(workplace: Any) -> list[str]:
    """The output of two retrainings with the smoke profile."""
    outputs = []
    for _ in range(2):
        done = workplace.run("retrain", "--profile", "smoke")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        outputs.append(done.stdout)
    return outputs


@pytest.fixture(scope="module")
def client(workplace: Any, two_runs: list[str]) -> Any:
    return workplace.client()


@pytest.fixture(scope="module")
def parents(workplace: Any, two_runs: list[str]) -> list[Any]:
    return list(workplace.attempts())


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


def _nested(client: Any, parent: Any, stage: str) -> Any:
    (run,) = client.search_runs(
        [parent.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' "
        f"AND tags.`steadycode.stage` = '{stage}'",
    )
    return run
