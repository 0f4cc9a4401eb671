"""``steadycode perturb`` as a user runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from steadycode.commands.app import app
from steadycode.files import sha256_folder
from steadycode.recode import PERTURBATIONS, read_benchmark


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks") / "small"
    names = [f"--name={name}" for name in ("ChangeCharCase", "new_lines", "BackTranslation")]
    result = run("perturb", "build", folder, *names, "--seeds=2", "--max-problems=5")
    assert result.exit_code == 0, result.output
    assert "skipped: BackTranslation (needs the plug-in 'translate'" in result.output
    return folder


def test_perturbations_are_listed() -> None:
    lines = run("perturb", "list").output.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == [*PERTURBATIONS]


def test_one_variant_as_a_diff() -> None:
    output = run("perturb", "show", "OperandSwap", "--task", "HumanEval/0").output
    assert "-             if idx != idx2:" in output
    assert "+             if idx2 != idx:" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["perturb", "show", "OperandSwop"], "did you mean OperandSwap?"),
        (["perturb", "show", "OperandSwap", "--style", "sond"], "no style 'sond'; use one of"),
        (["perturb", "show", "OperandSwap", "--task", "X/1"], "there is no problem 'X/1'"),
        (["perturb", "show", "TypeHintsRemoved", "--style", "release"], "use style 'sound'"),
        (["perturb", "build", "OUT", "--problems", "nowhere.jsonl"], "nowhere.jsonl"),
        (["evaluate", "--completions", "OUT"], "give --model, or --completions with --benchmark"),
        (["evaluate"], "give --model, or --completions with --benchmark"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = run(*(str(tmp_path / "out") if part == "OUT" else part for part in arguments))
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all of it")
    result = run("perturb", "build", tmp_path, "--name=new_lines", "--max-problems=1")
    assert result.exit_code == 2
    assert "is not empty and holds no benchmark" in result.output
    assert (tmp_path / "thesis.tex").read_text() == "all of it"


def test_another_benchmark_is_replaced_only_by_force(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    command = ("perturb", "build", folder, "--name=new_lines", "--seeds=1", "--no-verify")
    assert run(*command, "--max-problems=1").exit_code == 0
    before = sha256_folder(folder)
    refused = run(*command, "--max-problems=2")
    assert refused.exit_code == 2
    assert f"error: {folder} holds another benchmark (content hash " in refused.output
    assert sha256_folder(folder) == before
    assert run(*command, "--max-problems=1").exit_code == 0
    assert sha256_folder(folder) == before
    assert run(*command, "--max-problems=2", "--force").exit_code == 0
    assert sha256_folder(folder) != before
    (folder / "notes.txt").write_text("mine")
    kept = run(*command, "--max-problems=1", "--force")
    assert kept.exit_code == 2
    assert "holds notes.txt, which is no part of a benchmark" in kept.output


@pytest.mark.parametrize("manifest", ['{"recipe": "x", "files": {}}', '{"schema": 1}', "{"])
def test_a_model_or_training_is_no_benchmark(tmp_path: Path, manifest: str) -> None:
    """Base models and finished stages have a manifest.json too."""
    (tmp_path / "manifest.json").write_text(manifest)
    (tmp_path / "model.safetensors").write_text("weights")
    result = run("perturb", "build", tmp_path, "--name=new_lines", "--max-problems=1", "--force")
    assert result.exit_code == 2
    assert "is not empty and holds no benchmark; name a new folder" in result.output
    assert (tmp_path / "model.safetensors").read_text() == "weights"


def test_prompts_are_printed_once_each(built: Path) -> None:
    printed = run("perturb", "prompts", built).output
    prompts = [json.loads(line)["prompt"] for line in printed.splitlines()]
    cases = [problem for _, problem in read_benchmark(built).cases()]
    assert prompts == list(dict.fromkeys(problem.prompt for problem in cases))


def test_wrong_completions_are_told_before_anything_starts(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"prompt": 3}\n')
    result = run("evaluate", "--completions", path, "--benchmark", built, "--profile", "smoke")
    assert result.exit_code == 2
    assert (
        result.output
        == f"error: {path}:1: needs the texts 'completion' and 'prompt' (or 'id', or 'task_id')\n"
    )
