"""Evaluations by themselves: of a model, and of completions that another engine has written."""

import json
import os
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from steadycode.config import Config, EvaluateConfig, load_config
from steadycode.errors import DataError, ModelError
from steadycode.evidence import Evidence
from steadycode.jobs.child import Events
from steadycode.models.tiny import save_tiny
from steadycode.problems import load_problems
from steadycode.project import Project
from steadycode.recode import Benchmark, build_benchmark, write_benchmark
from steadycode.registry.store import open_store
from steadycode.retraining.evaluation import (
    Recorded,
    earlier_reports,
    evaluate_alone,
    evaluation_job,
    recorded_job,
)
from steadycode.stages.evaluate import body
from tests.builders.evidence import evidence, marks

RECIPE = {
    "seed": 0, "vocabulary": 600, "hidden": 64, "layers": 2, "heads": 4, "window": 1024,
    "dtype": "float32",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "configs").symlink_to(repository / "configs")
    return Project(tmp_path)


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    built = build_benchmark(load_problems("humaneval")[:3], ["new_lines", "ChangeCharCase"], 1)
    write_benchmark(built, tmp_path / "benchmark")
    return built


def answers(benchmark: Benchmark, tmp_path: Path, samples: int = 1) -> Recorded:
    """The reference solutions, as another engine would have written them."""
    solutions = {problem.prompt: problem.canonical_solution for _, problem in benchmark.cases()}
    rows = [{"prompt": p, "completion": text} for p, text in solutions.items()] * samples
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Recorded(path, tmp_path / "benchmark")


def test_an_unknown_model_ends_before_anything_is_begun(repository: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        evaluate_alone(Project(repository), "no such model", load_config("smoke"))


def test_a_folder_of_problems_counts_with_all_its_files(tmp_path: Path) -> None:
    save_tiny(RECIPE, tmp_path / "model")
    for place in ("data", "sets"):
        (tmp_path / place).mkdir()
    (tmp_path / "data" / "test.jsonl").touch()
    config = Config(evaluate=EvaluateConfig(problems=str(tmp_path / "sets")))
    folders = []
    for content in ("", "{}"):
        (tmp_path / "sets" / "one.jsonl").write_text(content)
        folders.append(evaluation_job(Project(tmp_path), config, tmp_path / "model").folder)
    assert folders[0] != folders[1]


def test_a_job_is_another_when_a_library_or_a_template_is(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny(RECIPE, tmp_path / "model")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test.jsonl").touch()
    plain = Config(profile="smoke")
    chat = load_config("smoke", ["evaluate.decoding.style=chat"])

    def folders() -> list[Path]:
        model = tmp_path / "model"
        return [evaluation_job(Project(tmp_path), c, model).folder for c in (plain, chat)]

    first = folders()
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages[0].content }}")
    second = folders()
    assert set(second).isdisjoint(first)  # a template is part of the model
    newer = {"lemminflect": "9.9", "black": "99"}  # the latter is none of style sound
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: newer.get(name) or version(name))
    third = folders()
    assert set(third).isdisjoint(second)
    newer["black"] = "100"
    assert folders() == third


def test_recorded_completions_take_the_way_of_a_model(
    project: Project, benchmark: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = answers(benchmark, tmp_path, samples=2)
    config = load_config("smoke")
    path, markdown = evaluate_alone(project, "another engine", config, recorded)
    evidence = Evidence.read(path)
    assert evidence.report.figures["recode/full/pass_at_1"].value == 1
    assert evidence.report.figures["recode/docstring/robust_pass_at_1"].value == 1
    assert evidence.heldout == {}
    assert evidence.conditions.engine == "recorded"
    assert evidence.conditions.benchmark == benchmark.content_hash
    assert len(evidence.report.outcomes[0].verdicts) == 2
    assert "pass@1, full prompt" in markdown
    shown = capsys.readouterr().out
    assert "recode/docstring/robust_pass_at_1" in shown
    assert "heldout/loss" not in shown  # nobody could measure it

    store = open_store(project, config.experiment)
    (run,) = store.client.search_runs([store.experiment_id])
    assert run.info.run_name == "evaluate another engine"
    assert run.data.metrics["recode/full/pass_at_1"] == 1
    assert "heldout/loss" not in run.data.metrics


def test_answers_by_task_alone_are_judged_on_the_problems_own_prompts(
    project: Project, benchmark: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"task_id": problem.task_id, "completion": problem.canonical_solution}
        for problem in benchmark.nominal
    ] * 2
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recorded = Recorded(path, tmp_path / "benchmark")
    written, _ = evaluate_alone(project, "another engine", load_config("smoke"), recorded)
    report = Evidence.read(written).report
    assert report.figures["recode/full/pass_at_1"].value == 1
    assert report.figures["recode/partial/pass_at_1"].reason == "no problem was evaluated"
    assert [len(outcome.verdicts) for outcome in report.outcomes] == [2, 2, 2]
    assert "there is pass@1 and no robustness" in " ".join(capsys.readouterr().out.split())

    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:2]))
    with pytest.raises(DataError, match="1 of 3 prompts of the benchmark have no completion"):
        recorded_job(project, load_config("smoke"), recorded)


@pytest.mark.parametrize("changed", ["completions", "benchmark"])
def test_answers_that_change_before_they_are_read_are_not_judged_as_the_earlier_ones(
    project: Project, benchmark: Benchmark, tmp_path: Path, changed: str
) -> None:
    recorded = answers(benchmark, tmp_path)
    job = recorded_job(project, load_config("smoke"), recorded)
    if changed == "completions":
        with recorded.completions.open("a") as file:
            file.write("\n")
    else:
        write_benchmark(replace(benchmark, variants=()), recorded.benchmark)
    job.folder.mkdir(parents=True)
    with pytest.raises(DataError, match="changed since the evaluation was asked for"):
        body(job, Events(job.events))


@pytest.mark.parametrize("changed", ["model/config.json", "rows.jsonl", "data/test.jsonl"])
def test_inputs_that_change_before_they_are_read_are_not_evaluated_as_the_earlier_ones(
    tmp_path: Path, changed: str
) -> None:
    save_tiny(RECIPE, tmp_path / "model")
    (tmp_path / "data").mkdir()
    for name in ("rows.jsonl", "data/test.jsonl"):
        (tmp_path / name).touch()
    config = Config(evaluate=EvaluateConfig(problems=str(tmp_path / "rows.jsonl")))
    job = evaluation_job(Project(tmp_path), config, tmp_path / "model")
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    job.folder.mkdir(parents=True)
    with pytest.raises(
        DataError, match=f"{changed.split('/', maxsplit=1)[0]}.* changed since the evaluation"
    ):
        body(job, Events(job.events))


def test_evidence_on_recorded_completions_is_found_by_their_content(
    project: Project, benchmark: Benchmark, tmp_path: Path
) -> None:
    config = load_config("smoke")
    recorded = answers(benchmark, tmp_path)
    first = recorded_job(project, config, recorded)
    assert recorded_job(project, config, recorded).folder == first.folder
    moved = replace(recorded, completions=recorded.completions.rename(tmp_path / "others.jsonl"))
    assert recorded_job(project, config, moved).folder == first.folder
    assert recorded_job(project, config, answers(benchmark, tmp_path, 2)).folder != first.folder


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: lines[1:], r"answers\.jsonl: 1 of 11 prompts of the benchmark have no comp"),
        (lambda lines: [*lines, lines[0]], r"every prompt needs the same number"),
        (lambda lines: ['{"prompt": 3}'], r"answers\.jsonl:1: needs the texts 'completion"),
        (lambda lines: [*lines, "[1"], r"answers\.jsonl:12: not JSON"),
    ],
)
def test_answers_that_do_not_fit_are_told(
    project: Project, benchmark: Benchmark, tmp_path: Path, damage: object, message: str
) -> None:
    recorded = answers(benchmark, tmp_path)
    lines = recorded.completions.read_text().splitlines()
    recorded.completions.write_text("\n".join(damage(lines)))  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        recorded_job(project, load_config("smoke"), recorded)


def test_earlier_reports_are_read_oldest_first_and_damaged_ones_passed_over(
    project: Project,
) -> None:
    for age, name in enumerate(("new", "damaged", "old")):
        path = project.evaluations / name / "evidence.json"
        path.parent.mkdir(parents=True)
        evidence(marks(age, 3), total=3).write(path)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (project.evaluations / "damaged" / "evidence.json").write_text('{"schema": 1}')
    passed = [sum(map(sum, report.nominal("full").values())) for report in earlier_reports(project)]
    assert passed == [2, 0]
    assert earlier_reports(Project(project.root / "new")) == []


def test_evidence_of_an_earlier_version_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    evidence(marks(1, 3), total=3).write(path)
    earlier = json.loads(path.read_text())
    del earlier["tokenizer"], earlier["conditions"]["chat_template"]
    path.write_text(json.dumps(earlier))
    read = Evidence.read(path)
    assert (read.tokenizer, read.conditions.chat_template) == ("", "")
