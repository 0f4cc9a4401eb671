import math
from dataclasses import replace
from pathlib import Path

import pytest

from steadycode.config import Config
from steadycode.errors import ConfigError, DataError
from steadycode.recode.report import Figure
from steadycode.registry.attempts import (
    find_attempt_run,
    flat_params,
    open_attempt_run,
    open_evaluation_run,
    open_stage_run,
)
from steadycode.registry.runs import MetricBuffer, url_hint, way_to
from steadycode.registry.tags import PROCESS
from tests.builders.evidence import evidence, lineage, marks

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setenv("STEADYCODE_HOME", str(ROOT))
    return Config(profile="smoke")


@pytest.fixture
def run(store, config):
    return open_attempt_run(store, lineage(), config)


def test_an_attempt_is_one_run_with_nested_stages(store, run, config):
    train = open_stage_run(run, "train")
    assert open_attempt_run(store, lineage(), config).run_id == run.run_id
    train.end("FINISHED")
    assert open_stage_run(run, "train").run_id == train.run_id
    assert find_attempt_run(store, "abc", 1) == run.run_id
    assert find_attempt_run(store, "abc", 2) is None
    second = open_attempt_run(store, lineage(attempt=2), config)
    assert second.run_id != run.run_id

    tracked = store.client.get_run(run.run_id)
    assert tracked.info.run_name == "retraining abc attempt 1"
    assert tracked.data.params == flat_params(config)
    assert tracked.data.tags["data.md5"] == "9a600123456789abcdef0123456789ab.dir"
    assert tracked.data.tags["data.dirty"] == "false"
    nested = store.client.get_run(train.run_id)
    assert nested.data.tags["mlflow.parentRunId"] == run.run_id
    assert nested.data.tags["steadycode.stage"] == "train"


def test_a_stage_that_was_cut_short_begins_again_in_a_run_of_its_own(store, run):
    killed = open_stage_run(run, "train")
    again = open_stage_run(run, "train")
    assert again.run_id != killed.run_id
    assert store.client.get_run(killed.run_id).info.status == "KILLED"
    again.end("FINISHED")
    assert open_stage_run(run, "train").run_id == again.run_id


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (DataError("row 3"), "FAILED", "row 3"),
        (KeyboardInterrupt(), "KILLED", "interrupted"),
        (ZeroDivisionError("by zero"), "FAILED", "ZeroDivisionError: by zero"),
    ],
)
def test_a_run_ends_with_its_reason_which_a_resumed_one_drops(
    store, run, config, fault, status, reason
):
    with pytest.raises(type(fault)), run.ended():
        raise fault
    ended = store.client.get_run(run.run_id)
    assert (ended.info.status, ended.data.tags["steadycode.reason"]) == (status, reason)
    resumed = open_attempt_run(store, lineage(), config)
    assert resumed.run_id == run.run_id
    with resumed.ended():
        pass
    finished = store.client.get_run(run.run_id)
    assert finished.info.status == "FINISHED"
    assert "steadycode.reason" not in finished.data.tags


def test_an_evaluation_is_found_again_although_other_settings_changed(store, config):
    first = open_evaluation_run(store, lineage(), config, "base")
    other = Config(profile="smoke", train={"steps": 9})
    assert open_evaluation_run(store, lineage(), other, "base").run_id == first.run_id
    assert "evaluate.seeds" in store.client.get_run(first.run_id).data.params


def test_an_evaluation_that_another_machine_is_writing_is_left_to_it(store, config, elsewhere):
    first = open_evaluation_run(store, lineage(), config, "base")
    store.client.set_tag(first.run_id, PROCESS, str(elsewhere))
    second = open_evaluation_run(store, lineage(), config, "base")
    assert second.run_id != first.run_id
    assert store.client.get_run(first.run_id).data.tags[PROCESS] == str(elsewhere)
    assert open_evaluation_run(store, lineage(), config, "base").run_id == second.run_id
    store.client.set_terminated(first.run_id, "FINISHED")
    assert open_evaluation_run(store, lineage(), config, "base").run_id == first.run_id


def test_parameters_are_flat_and_plain(config):
    flat = flat_params(config)
    assert flat["train.mode"] == config.train.mode
    assert flat["evaluate.decoding.samples"] == "1"
    assert all(isinstance(value, str) for value in flat.values())


def test_points_are_sent_in_batches_and_once(store, run):
    points = [("train/loss_mle", 1 / (n + 1), n, 1000 + n) for n in range(1200)]
    for _ in range(2):  # a resumed parent reads the events from the start again
        with MetricBuffer(run) as buffer:
            for point in points:
                buffer.add(*point)
    history = store.client.get_metric_history(run.run_id, "train/loss_mle")
    assert [(m.key, m.value, m.step, m.timestamp) for m in history] == points


def test_a_figure_becomes_three_metrics_or_a_reason(store, run):
    run.figures(
        {
            "recode/full/pass_at_1": Figure(value=0.25, low=0.2, high=0.3, n=164),
            "recode/format/robust_pass_at_1": Figure(
                value=math.nan, low=math.nan, high=math.nan, n=0, reason="no changed variant"
            ),
        }
    )
    data = store.client.get_run(run.run_id).data
    assert data.metrics == {
        "recode/full/pass_at_1": 0.25,
        "recode/full/pass_at_1/low": 0.2,
        "recode/full/pass_at_1/high": 0.3,
    }
    assert data.tags["recode/format/robust_pass_at_1"] == "no changed variant"


def test_evidence_is_logged_under_its_public_names(store, run):
    run.evidence(evidence(marks(1, 2), losses=[1.0, 3.0], total=2))
    data = store.client.get_run(run.run_id).data
    assert data.metrics == {
        "heldout/loss": 2.0,
        "heldout/perplexity": math.exp(2.0),
        "representation/isotropy": 0.5,
        "cost/wall_seconds": 12.0,
    }
    assert data.tags["recode.problems"] == "all 2 problems"


def test_the_data_version_is_an_input_of_the_run(store, run):
    for _ in range(2):
        run.dataset("data/train.jsonl", "9a600123456789abcdef0123456789ab.dir")
    (given,) = store.client.get_run(run.run_id).inputs.dataset_inputs
    assert given.dataset.digest == "9a600123456789abcdef0123456789ab.dir"
    assert {tag.key: tag.value for tag in given.tags}["mlflow.data.context"] == "training"


def test_files_reason_and_status(store, run, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>hello</p>")
    run.file(page, "pages")
    run.text("notes/why.txt", "because")
    run.end("FAILED", "train: out of memory")
    tracked = store.client.get_run(run.run_id)
    assert tracked.info.status == "FAILED"
    assert tracked.data.tags["steadycode.reason"] == "train: out of memory"
    files = [file.path for folder in ("pages", "notes")
             for file in store.client.list_artifacts(run.run_id, folder)]  # fmt: skip
    assert files == ["pages/page.html", "notes/why.txt"]
    with pytest.raises(ConfigError, match="no run nonsense"):
        url_hint(store, "nonsense")
    assert url_hint(store, run.run_id) == f"#/experiments/{store.experiment_id}/runs/{run.run_id}"


def test_a_run_that_is_stopped_from_outside_says_by_what(store, run):
    class TerminationSignal(BaseException):
        """As Prefect's."""

    with pytest.raises(TerminationSignal), run.ended():
        raise TerminationSignal
    ended = store.client.get_run(run.run_id)
    assert (ended.info.status, ended.data.tags["steadycode.reason"]) == (
        "KILLED",
        "stopped from outside (TerminationSignal)",
    )


def test_a_fault_of_ours_leaves_its_traceback(store, run, tmp_path):
    with pytest.raises(ZeroDivisionError), run.ended():
        raise ZeroDivisionError("by zero")
    path = store.client.download_artifacts(run.run_id, "fault.txt", str(tmp_path))
    assert Path(path).read_text().rstrip().endswith("ZeroDivisionError: by zero")


def test_the_way_to_a_run_is_a_command_or_an_address(store, run):
    assert way_to(run) == f"steadycode ui --run {run.run_id}"
    served = replace(run, store=replace(store, tracking_uri="http://mlflow.example/"))
    assert way_to(served) == (
        f"http://mlflow.example/#/experiments/{store.experiment_id}/runs/{run.run_id}"
    )
