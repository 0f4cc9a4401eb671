"""The evaluation stage by itself, with a tiny model: what was completed once is found again,
whatever happened between, and what does not fit is told."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from steadycode.config import EvaluateConfig
from steadycode.errors import DataError
from steadycode.evidence import Evidence
from steadycode.files import sha256_file, write_jsonl
from steadycode.generation.batches import TURNS
from steadycode.identity import code_hash
from steadycode.jobs.child import Events, run_body
from steadycode.jobs.job import Job
from steadycode.models import device_class
from steadycode.models.tiny import save_tiny
from steadycode.problems import load_problems, problem_file
from steadycode.recode import build_benchmark, write_benchmark
from steadycode.sandbox import Limits, Program, Sandbox, Verdict
from steadycode.sandbox.contract import Key
from steadycode.stages.evaluate import SOURCES, _Court, _made_benchmark, body, input_hash

RECIPE = {
    "seed": 0, "vocabulary": 600, "hidden": 64, "layers": 2, "heads": 4, "window": 1024,
    "dtype": "float32",
}  # fmt: skip
BATCH = 8


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    """Makes the job of a small evaluation in a place of its own."""
    save_tiny(RECIPE, tmp_path / "model")
    write_jsonl(tmp_path / "test.jsonl", ({"content": f"x = {n}\n" * 9} for n in range(4)))

    def make(place: str, dtype: str = "float32", long: int = 0, **settings: Any) -> Job:
        """With that many prompts that are longer than the window."""
        problems = list(load_problems("humaneval")[:5])
        for number in range(long):
            prompt = "# a long preamble\n" * 500 + problems[number].prompt
            problems[number] = replace(problems[number], prompt=prompt)
        write_jsonl(tmp_path / place / "problems.jsonl", problems)
        given = {"perturbations": ["new_lines"], "heldout_documents": 4, "limits": {"seconds": 1}}
        evaluate = EvaluateConfig.model_validate(given | settings)
        hashed = {
            "model": tmp_path / "model",
            "problems": tmp_path / place / "problems.jsonl",
            "heldout": tmp_path / "test.jsonl",
        }
        made = Job(
            stage="evaluate",
            folder=tmp_path / place / "work",
            seed=0,
            settings=evaluate.model_dump(mode="json"),
            inputs={
                **{name: str(path) for name, path in hashed.items()},
                "benchmarks": str(tmp_path / "benchmarks"),
                "completions": str(tmp_path / place / "completions"),
            },
            identity={
                **{name: input_hash(name, path) for name, path in hashed.items()},
                "harness": code_hash(*SOURCES.parts),
                "device": "cpu",
                "dtype": dtype,
                "device_class": device_class("cpu"),
                "engine": "test",
            },
        )
        made.write()
        return made

    return make


def with_problems(job: Job, change: Callable[[list[dict[str, Any]]], None]) -> Job:
    """The job about its problems as ``change`` leaves them."""
    file = Path(job.inputs["problems"])
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    change(rows)
    write_jsonl(file, rows)
    changed = replace(job, identity={**job.identity, "problems": input_hash("problems", file)})
    changed.write()
    return changed


def events(job: Job) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (job.folder / "events.jsonl").read_text().splitlines()]


def told(job: Job) -> list[str]:
    return [event["text"] for event in events(job) if event["kind"] == "message"]


def kept(job: Job) -> list[bytes]:
    """The completions on disk, one line each, in the order in which they were generated."""
    files = Path(job.inputs["completions"]).rglob("*.jsonl")
    return [line for file in files for line in file.read_bytes().splitlines(keepends=True)]


def report(job: Job) -> str:
    """All of the evidence but what was measured with a clock; as text, since NaN is not itself."""
    evidence = json.loads((job.folder / "evidence.json").read_text())
    evidence.pop("cost")
    for outcome in evidence["report"]["outcomes"]:
        for verdict in outcome["verdicts"]:
            del verdict["seconds"], verdict["peak_memory"]
    return json.dumps(evidence)


def said(job: Job) -> bytes:
    return (job.folder / "completions.jsonl").read_bytes()


def test_a_second_evaluation_generates_nothing(job: Callable[..., Job]) -> None:
    decoding = {"max_new_tokens": 8}
    first = job("here", decoding=decoding)
    run_body("evaluate", body, first.path)
    count = len(kept(first))
    assert f"0 of {count} completions found, {count} to generate" in told(first)
    again = first.in_folder(first.folder.with_name("again"))
    again.write()
    run_body("evaluate", body, again.path)
    assert f"{count} of {count} completions found, 0 to generate" in told(again)
    assert len(kept(first)) == count
    assert report(again) == report(first)
    assert said(again) == said(first)


def test_a_damaged_benchmark_is_told_and_built_again(job: Callable[..., Job]) -> None:
    names = ["new_lines", "BackTranslation"]
    first = job("here", perturbations=names, decoding={"max_new_tokens": 8})
    run_body("evaluate", body, first.path)
    (skipped,) = [line for line in told(first) if line.startswith("skipped: ")]
    assert skipped.startswith("skipped: BackTranslation (needs the plug-in 'translate'")
    (folder,) = Path(first.inputs["benchmarks"]).iterdir()
    whole = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_text("{}")
    again = first.in_folder(first.folder.with_name("again"))
    again.write()
    run_body("evaluate", body, again.path)
    assert any(line.startswith(f"{folder}") for line in told(again))
    assert (folder / "manifest.json").read_bytes() == whole
    assert report(again) == report(first)


def test_prompts_beyond_the_window_are_told(job: Callable[..., Job]) -> None:
    work = job("here", long=2, perturbations=[], decoding={"max_new_tokens": 8})
    run_body("evaluate", body, work.path)
    evidence = Evidence.read(work.folder / "evidence.json")
    # full and partial mode of two problems
    assert evidence.cost["beyond_window"] == 4
    (line,) = [line for line in told(work) if "window" in line]
    assert line.startswith(f"4 of {evidence.cost['completions']:.0f} completions are empty")


def test_rows_that_are_wrong_are_told_by_file_and_line(job: Callable[..., Job]) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[1]["entry_point"] = "nowhere"
        rows[3]["canonical_solution"] = "    return 7\n"

    work = with_problems(job("here", decoding={"max_new_tokens": 8}), change)
    file = Path(work.inputs["problems"])
    run_body("evaluate", body, work.path)
    told_of = [line for line in told(work) if line.startswith(str(file))]
    assert told_of[0].startswith(f"{file}:2: prompt and canonical_solution define no function")
    assert told_of[1:] == [
        f"{file}:4: left out, the reference solution fails its own test (AssertionError);"
        " mend or drop the row"
    ]
    report = Evidence.read(work.folder / "evidence.json").report
    assert report.total_problems == 4
    assert report.label == "3 problems; 1 of 4 can't be passed here, left out"
    assert {o.task_id for o in report.outcomes} == {f"HumanEval/{n}" for n in (0, 2, 4)}


def test_an_evaluation_of_problems_that_mostly_cannot_be_passed_stops(
    job: Callable[..., Job],
) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[1:4] = [{**row, "canonical_solution": "    import numpy\n"} for row in rows[1:4]]

    work = with_problems(job("here", decoding={"max_new_tokens": 8}), change)
    with pytest.raises(DataError, match=r"3 of 5 .* first at .*jsonl:2: .* imports numpy"):
        run_body("evaluate", body, work.path)
    assert not (work.folder / "evidence.json").exists()


def test_a_benchmark_from_elsewhere_is_verified_under_the_limits_of_today(
    job: Callable[..., Job], tmp_path: Path
) -> None:
    problems = load_problems("humaneval")[:3]
    slow = replace(problems[1], prompt=f"sum(range(9_000_000))\n{problems[1].prompt}")
    with Sandbox(Limits(seconds=20)) as sandbox:
        built = build_benchmark(
            [problems[0], slow, problems[2]], (), judge=sandbox.judge, total_problems=164
        )
    assert len(built.nominal) == 3
    write_benchmark(built, tmp_path / "built")
    answers = [
        {"prompt": problem.prompt, "completion": problem.canonical_solution}
        for _, problem in built.cases()
    ]
    write_jsonl(tmp_path / "answers.jsonl", {row["prompt"]: row for row in answers}.values())
    made = job("here", limits={"seconds": 0.05}, perturbations=[])
    folder = tmp_path / "there"
    identity = {**made.identity, "benchmark": built.content_hash}
    identity["model"] = sha256_file(tmp_path / "answers.jsonl")
    inputs = {"benchmark": str(tmp_path / "built"), "answers": str(tmp_path / "answers.jsonl")}
    work = replace(made, folder=folder, inputs=inputs, identity=identity)
    work.write()
    run_body("evaluate", body, work.path)
    report = Evidence.read(folder / "evidence.json").report
    assert report.label == "subset: 2 of 164 problems; 1 of 3 can't be passed here, left out"
    figure = report.figures["recode/full/pass_at_1"]
    assert (figure.value, figure.n, figure.left_out) == (1.0, 2, 1)
    assert not any("answer no prompt" in line for line in told(work))


def test_one_sandbox_with_the_limits_of_the_user(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Limits] = []
    enter = Sandbox.__enter__

    def counted(sandbox: Sandbox) -> Sandbox:
        opened.append(sandbox.limits)
        return enter(sandbox)

    monkeypatch.setattr(Sandbox, "__enter__", counted)

    def change(rows: list[dict[str, Any]]) -> None:
        rows[3]["canonical_solution"] = "    while True:\n        pass\n"

    work = with_problems(
        job("here", decoding={"max_new_tokens": 8}, limits={"seconds": 0.5}), change
    )
    run_body("evaluate", body, work.path)
    assert opened == [Limits(seconds=0.5)]
    (line,) = [line for line in told(work) if line.startswith(work.inputs["problems"])]
    assert "(more than 0.5 s of CPU time)" in line  # its reference met them too
    programs = [e for e in events(work) if e.get("label") == "programs"]
    assert programs[-1]["done"] == programs[-1]["total"] == len(programs)


def test_a_benchmark_is_found_again_where_its_references_met_the_same(
    job: Callable[..., Job],
) -> None:
    def judge(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        return ((key, Verdict(status="passed")) for key, _ in programs)

    work = job("here")
    settings = EvaluateConfig.model_validate(dict(work.settings))
    problems = load_problems(work.inputs["problems"])
    tell = Events(work.folder / "events.jsonl")
    for seconds, isolation, built in [
        (1.0, "isolated", 1), (1.0, "isolated", 1), (2.0, "isolated", 2), (2.0, "unsafe", 3),
    ]:  # fmt: skip
        under = {"seconds": seconds, "sandbox": isolation}
        _made_benchmark(work, settings, problems, _Court(judge, under), tell)
        assert len(list(Path(work.inputs["benchmarks"]).iterdir())) == built


@pytest.mark.parametrize(
    ("style", "library", "counts"),
    [
        ("sound", "lemminflect", True), ("sound", "tree-sitter", False), ("sound", "black", False),
        ("release", "lemminflect", True), ("release", "tree-sitter-python", True),
        ("release", "black", True),
    ],
)  # fmt: skip
def test_a_benchmark_is_built_again_by_other_libraries(
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    style: str,
    library: str,
    counts: bool,
) -> None:
    def judge(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        return ((key, Verdict(status="passed")) for key, _ in programs)

    work = job("here", style=style)
    settings = EvaluateConfig.model_validate(dict(work.settings))
    problems = load_problems(work.inputs["problems"])
    tell = Events(work.folder / "events.jsonl")
    court = _Court(judge, {})
    _made_benchmark(work, settings, problems, court, tell)
    version = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "9.9" if name == library else version(name)
    )
    _made_benchmark(work, settings, problems, court, tell)
    assert len(list(Path(work.inputs["benchmarks"]).iterdir())) == 1 + counts


def test_evidence_names_its_documents_and_its_tokenizer(job: Callable[..., Job]) -> None:
    def made(place: str, **settings: Any) -> Evidence:
        work = job(place, perturbations=[], decoding={"max_new_tokens": 2}, **settings)
        run_body("evaluate", body, work.path)
        return Evidence.read(work.folder / "evidence.json")

    first, fewer, shorter = (
        made("a"), made("b", heldout_documents=3), made("c", heldout_tokens=16),
    )  # fmt: skip
    assert len({one.conditions.heldout for one in (first, fewer, shorter)}) == 3
    assert len(first.tokenizer) == 64
    assert first.tokenizer == fewer.tokenizer
    assert first.conditions.chat_template == ""


def test_every_file_holds_strict_json(job: Callable[..., Job], tmp_path: Path) -> None:
    """Also where there is no figure: nothing is solved, and a prompt is beyond the window."""
    work = job("here", long=1, decoding={"max_new_tokens": 8})
    run_body("evaluate", body, work.path)
    evidence = Evidence.read(work.folder / "evidence.json")
    assert math.isnan(evidence.report.figures["recode/format/robust_drop_at_1"].value)
    files = [*work.folder.rglob("*.json*"), *(tmp_path / "benchmarks").rglob("*.json*")]
    files += Path(work.inputs["completions"]).rglob("*.json*")
    assert {"evidence.json", "completions.jsonl", "events.jsonl", "manifest.json"} <= {
        file.name for file in files
    }
    nulls = 0
    for file in files:
        text = file.read_text(encoding="utf-8")
        for document in text.splitlines() if file.suffix == ".jsonl" else [text]:
            json.loads(document, parse_constant=lambda constant, file=file: pytest.fail(
                f"{constant} in {file}"))  # fmt: skip
        nulls += text.count('"mean_logprob": null')
    assert nulls >= 2  # full and partial prompt of the one beyond the window


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_killed_at_five_moments_it_ends_the_same(job: Callable[..., Job], dtype: str) -> None:
    settings = {"decoding": {"max_new_tokens": 100, "batch_size": BATCH, "samples": 4,
                             "temperature": 0.8}}  # fmt: skip
    whole, killed = job("whole", dtype, **settings), job("killed", dtype, **settings)
    assert _start(whole).wait(timeout=300) == 0
    needed = len(kept(whole))
    chance, redone = random.Random(dtype), list[int]()
    for moment in sorted(chance.sample(range(1, needed - 1), 5)):
        before = len(kept(killed))
        stage = _start(killed)
        _await(lambda moment=moment, before=before: len(kept(killed)) > max(before, moment), stage)
        time.sleep(chance.random() / 20)
        os.kill(stage.pid, signal.SIGKILL)
        assert stage.wait() == -signal.SIGKILL, "it ended before it was killed"
        assert not (killed.folder / "evidence.json").exists()
        redone.append(len(kept(killed)) - len(set(kept(killed))))
    assert _start(killed).wait(timeout=300) == 0
    assert report(killed) == report(whole)
    redone.append(len(kept(killed)) - len(set(kept(killed))))
    assert len(set(kept(killed))) == needed
    if dtype == "float32":
        assert redone == [0] * 6
    else:  # in float32 the last digits of mean_logprob may differ
        assert said(killed) == said(whole)
        batch = TURNS * BATCH  # what is replayed whole
        assert all(after - before < batch for before, after in pairwise([0, *redone]))


def _start(job: Job) -> "subprocess.Popen[bytes]":
    environment = {k: v for k, v in os.environ.items() if k != "STEADYCODE_PARENT"}
    return subprocess.Popen(
        [sys.executable, "-m", "steadycode.stages.evaluate", str(job.path)],
        env=environment,
        stdout=(job.folder / "stage.log").open("ab"),
        stderr=subprocess.STDOUT,
    )


def _await(reached: Callable[[], bool], stage: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert stage.poll() is None, "it ended before"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_problems_of_a_split_are_known_by_the_files_that_it_is(tmp_path: Path) -> None:
    problems = load_problems("humaneval")
    for number, name in enumerate(("test", "train")):
        write_jsonl(tmp_path / f"{name}.jsonl", problems[number : number + 1])
    split = problem_file(f"{tmp_path}/test")
    before = input_hash("problems", split)
    write_jsonl(tmp_path / "train.jsonl", problems[2:4])
    assert input_hash("problems", split) == before
    write_jsonl(tmp_path / "test.jsonl", problems[2:4])
    assert input_hash("problems", split) != before
