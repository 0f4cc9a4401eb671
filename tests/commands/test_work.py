"""``retrain``, ``evaluate``, ``train`` and ``refresh``: what they refuse, and hand to the flows."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from steadycode.files import sha256_folder, write_jsonl
from steadycode.jobs.job import Job, trusted_manifest
from steadycode.models import load
from steadycode.project import Project
from steadycode.retraining.submission import Submission
from tests.builders.evidence import evidence, marks
from tests.builders.llama import small_functions

Steadycode = Callable[..., Result]
WAIT = "starting (Prefect takes some seconds) …\n"
SMOKE = ("--profile", "smoke", "--set", "train.steps=3")
CONFIG = Submission(profile="smoke", overrides=("train.steps=3",))


def heldout(project: Project) -> None:
    project.data.mkdir()
    (project.data / "test.jsonl").write_text('{"content": "x = 1"}\n')


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the flows were given, in the place of Prefect."""
    calls: list[tuple[Any, ...]] = []

    def noted(name: str) -> Callable[..., None]:
        return lambda *given, **options: calls.append((name, *given, options))

    for name in ("retrain", "evaluate", "refresh"):
        monkeypatch.setattr(f"flows.{name}.{name}", noted(name))
    return calls


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (("retrain", *SMOKE), ("retrain", CONFIG, {"allow_dirty_data": False})),
        (
            ("retrain", *SMOKE, "--allow-dirty-data"),
            ("retrain", CONFIG, {"allow_dirty_data": True}),
        ),
        (
            ("refresh", *SMOKE),
            ("refresh", CONFIG, {"branch": "", "deployment": "", "retrain": True}),
        ),
        (
            ("refresh", *SMOKE, "--branch", "b", "--deployment", "d/e", "--no-retrain"),
            ("refresh", CONFIG, {"branch": "b", "deployment": "d/e", "retrain": False}),
        ),
    ],
)
def test_settings_are_handed_on(
    steadycode: Steadycode,
    called: list[tuple[Any, ...]],
    arguments: tuple[str, ...],
    given: tuple[Any, ...],
) -> None:
    result = steadycode(*arguments)
    assert (result.exit_code, result.output) == (0, WAIT)
    assert called == [given]


@pytest.mark.parametrize("command", ["retrain", "refresh", "evaluate"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--profile", "smoek"), "did you mean smoke?"),
        (("--set", "trian.steps=3"), "did you mean train.steps?"),
        (("--set", "gate=gaet"), "did you mean gate?"),
        (("--set", "evaluate.perturbations=[new_line]"), "did you mean new_lines?"),
        (("--set", "model.base=tiny-randm"), "did you mean tiny-random?"),
        (("--set", "evaluate.problems=wrong.jsonl"), "all its 1 rows are wrong"),
        (("--set", "evaluate.decoding.style=chat"), "no chat template"),
    ],
)
def test_a_slip_is_told_before_prefect_is_started(
    steadycode: Steadycode,
    called: list[tuple[Any, ...]],
    project: Project,
    command: str,
    options: tuple[str, ...],
    message: str,
) -> None:
    (project.root / "wrong.jsonl").write_text("{}\n")
    heldout(project)
    named = ("--model", "tiny-random") if command == "evaluate" else ()
    result = steadycode(command, *named, "--profile", "smoke", *options)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert WAIT not in result.output
    assert called == []


def test_a_misspelt_model_is_told_before_prefect_is_started(
    steadycode: Steadycode, called: list[tuple[Any, ...]], project: Project
) -> None:
    heldout(project)
    result = steadycode("evaluate", "--model", "tiny-randm", *SMOKE)
    assert (result.exit_code, called) == (2, [])
    assert "did you mean tiny-random?" in result.stderr


def test_a_model_is_evaluated(
    steadycode: Steadycode, called: list[tuple[Any, ...]], project: Project
) -> None:
    heldout(project)
    result = steadycode("evaluate", "--model", "tiny-random", *SMOKE)
    assert (result.exit_code, result.output) == (0, WAIT)
    assert called == [("evaluate", "tiny-random", CONFIG, "", "", {})]


def test_a_budget_chooses_what_told_most_before(
    steadycode: Steadycode, called: list[tuple[Any, ...]], project: Project
) -> None:
    heldout(project)
    folder = project.work / "evaluations" / "0123"
    folder.mkdir(parents=True)
    evidence(marks(60, 164), robust=marks(30, 164)).write(folder / "evidence.json")
    result = steadycode("evaluate", "--model", "tiny-random", "--budget", 50, *SMOKE)
    within = "within 50 prompts: ButterFingersPerturbation\n"
    assert (result.exit_code, result.output) == (0, within + WAIT)
    ((_, _, config, *_),) = called
    assert config.overrides == (
        "train.steps=3",
        "evaluate.perturbations=[ButterFingersPerturbation]",
    )
    options = ("--budget", 9, "--max-problems", 2, "--seeds", 1, "--no-verify")
    result = steadycode("perturb", "build", project.work / "benchmark", *options)
    assert result.output.startswith("within 9 prompts: ButterFingersPerturbation\n")


def test_without_heldout_documents_nothing_is_started(
    steadycode: Steadycode, called: list[tuple[Any, ...]], project: Project
) -> None:
    result = steadycode("evaluate", "--model", "org/x", *SMOKE)
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: no {project.data / 'test.jsonl'} to take the held-out loss of;"
        " run `steadycode data build`\n",
    )
    assert called == []


@pytest.mark.parametrize(("named", "shown"), [((), "answers"), (("--model", "theirs"), "theirs")])
def test_completions_are_evaluated_under_a_name(
    steadycode: Steadycode,
    called: list[tuple[Any, ...]],
    tmp_path: Path,
    named: tuple[str, ...],
    shown: str,
) -> None:
    folder, answers = tmp_path / "benchmark", tmp_path / "answers.jsonl"
    chosen = ("--name", "new_lines", "--max-problems", 1, "--seeds", 1, "--no-verify")
    assert steadycode("perturb", "build", folder, *chosen).exit_code == 0
    prompts = [
        json.loads(line) for line in steadycode("perturb", "prompts", folder).output.splitlines()
    ]
    write_jsonl(answers, ({**row, "completion": "    pass\n"} for row in prompts))
    result = steadycode("evaluate", "--completions", answers, "--benchmark", folder, *named, *SMOKE)
    assert (result.exit_code, result.output) == (0, WAIT)
    assert called == [("evaluate", shown, CONFIG, str(answers), str(folder), {})]


@pytest.fixture
def data(project: Project) -> Sequence[str]:
    """Forty functions to train on; of no recorded version."""
    functions = small_functions(48)
    project.data.mkdir()
    for split, rows in (
        ("train", functions[:40]),
        ("valid", functions[40:]),
        ("test", functions[:1]),
    ):
        write_jsonl(project.data / f"{split}.jsonl", ({"content": text} for text in rows))
    return functions


def test_training_alone_leaves_a_model(
    steadycode: Steadycode, project: Project, data: Sequence[str], tmp_path: Path
) -> None:
    output = tmp_path / "trained"
    command = ("train", "--output", output, "--profile", "smoke", "--set", "train.steps=1")
    refused = steadycode(*command)
    assert refused.exit_code == 2
    assert "data/ has no recorded version" in refused.stderr
    assert not output.exists()

    result = steadycode(*command, "--allow-dirty-data")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert "[1/1] train 1 steps training on 40 documents, both objective, cpu" in shown
    assert f"model in {output / 'model'} (" in shown
    assert shown.endswith(f"metrics in {output / 'events.jsonl'}")
    start = load(project.models / "tiny-random", "float32")
    assert load(output / "model", "float32").fingerprint != start.fingerprint


def test_training_does_not_write_among_other_things(
    steadycode: Steadycode, data: Sequence[str], tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("all of it")
    result = steadycode("train", "--output", tmp_path, "--profile", "smoke")
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {tmp_path} is not empty and holds no training; name a new folder\n",
    )


def test_another_training_is_replaced_only_by_force(
    steadycode: Steadycode, data: Sequence[str], tmp_path: Path
) -> None:
    output = tmp_path / "trained"
    command = ("train", "--output", output, "--profile", "smoke", "--allow-dirty-data", "--set")
    assert steadycode(*command, "train.steps=1").exit_code == 0
    (output / "notes.txt").write_text("mine")
    before = sha256_folder(output)

    refused = steadycode(*command, "train.steps=2")
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"error: {output} holds another, finished training (steps was 1, is now 2); name a new"
        " folder, or give --force to replace it\n",
    )
    assert sha256_folder(output) == before
    again = steadycode(*command, "train.steps=1")  # the same training is found again
    assert again.exit_code == 0
    assert sha256_folder(output) == before

    forced = steadycode(*command, "train.steps=2", "--force")
    assert forced.exit_code == 0, forced.output
    shown = " ".join(forced.output.split())
    assert "another, finished training (steps was 1, is now 2); it is replaced" in shown
    after = sha256_folder(output)
    assert after["model/model.safetensors"] != before["model/model.safetensors"]
    assert after["notes.txt"] == before["notes.txt"]


def test_a_job_is_written_for_somebody_else_to_run(
    steadycode: Steadycode, data: Sequence[str], tmp_path: Path
) -> None:
    output = tmp_path / "a job"
    command = ("train", "--output", output, "--profile", "smoke", "--allow-dirty-data", "--set")
    result = steadycode(*command, "train.steps=1", "--job-only")
    assert result.exit_code == 0, result.output
    assert {path.name for path in output.iterdir()} - {".lock"} == {"job.json"}
    told = shlex.split(result.output.splitlines()[-1])
    assert told == ["python", "-m", "steadycode.stages.train", str(output / "job.json")]
    subprocess.run([sys.executable, *told[1:]], check=True, timeout=120)
    assert trusted_manifest(Job.read(output / "job.json")) is not None
    again = steadycode(*command, "train.steps=1")  # what was run by hand is found
    assert again.exit_code == 0, again.output
    refused = steadycode(*command, "train.steps=2", "--job-only")
    assert refused.exit_code == 2
    assert "finished training (steps was 1, is now 2); name a new" in refused.stderr


def test_an_evaluation_is_not_replaced_by_a_training(
    steadycode: Steadycode, data: Sequence[str], project: Project
) -> None:
    output = project.evaluations / "0123"
    job = Job(stage="evaluate", folder=output, seed=0, settings={}, inputs={})
    job.write()
    command = ("train", "--output", output, "--profile", "smoke", "--allow-dirty-data", "--force")
    result = steadycode(*command)
    assert result.exit_code == 2
    assert (
        result.stderr == f"error: {output} is not empty and holds no training; name a new folder\n"
    )
    assert [path.name for path in output.iterdir() if path.name != ".lock"] == ["job.json"]
