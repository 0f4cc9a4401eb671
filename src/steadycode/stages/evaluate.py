"""Evaluate one saved model: ReCode on nominal and perturbed prompts, held-out loss, isotropy.

The job's folder is named by what the job is, so evidence on an unchanged model under unchanged
conditions is found and not made again.
"""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steadycode.config import Config, EvaluateConfig
from steadycode.files import sha256_file, sha256_folder, sha256_json, sha256_text, write_jsonl
from steadycode.identity import code_hash
from steadycode.jobs.child import Events, stage_main
from steadycode.jobs.job import Job
from steadycode.problems import Problem, load_problems, locate, problem_file, select_problems
from steadycode.project import Project

if TYPE_CHECKING:
    from steadycode.evidence import Conditions
    from steadycode.generation.contract import Completion
    from steadycode.measures.heldout import HeldOut
    from steadycode.models import LanguageModel
    from steadycode.recode import Benchmark
    from steadycode.recode.report import Report
    from steadycode.sandbox import Judge

HARNESS = (
    *("recode", "generation", "sandbox", "measures", "models"),
    *("stages", "config", "evidence", "files", "problems", "randomness"),
)
"""The modules and packages whose sources decide what an evaluation says."""


def evaluation_job(project: Project, config: Config, model: Path, fingerprint: str) -> Job:
    """The job that evaluates ``model``. Its seed is the config's, so that every attempt at a
    retraining, and the champion, meet the same problems and variants."""
    from steadycode.generation import ENGINE
    from steadycode.models import device_class, pick_device, pick_dtype

    settings = config.evaluate.model_dump(mode="json")
    device = pick_device()
    dtype = str(pick_dtype(config.evaluate.precision, device)).removeprefix("torch.")
    problems = problem_file(config.evaluate.problems)
    heldout = project.data / "test.jsonl"
    identity = {
        "model": fingerprint,
        "problems": _hash(problems),
        "heldout": sha256_file(heldout),
        "harness": code_hash(*HARNESS),
        "device": device,
        "dtype": dtype,
        "device_class": device_class(device),
        "engine": f"{ENGINE}, python {platform.python_version()}",
    }
    job = Job(
        stage="evaluate",
        folder=project.work,
        seed=config.seed,
        settings=settings,
        inputs={
            "model": str(model),
            "problems": str(problems),
            "heldout": str(heldout),
            "benchmarks": str(project.work / "benchmarks"),
            "completions": str(project.work / "completions"),
        },
        identity=identity,
    )
    return job.in_folder(project.work / "evaluations" / job.sha256[:16])


def body(job: Job, events: Events) -> list[Path]:
    """Writes ``evidence.json`` and ``completions.jsonl``.

    One sandbox, with the user's limits, verifies the benchmark and judges the completions.
    """
    from steadycode.evidence import Evidence
    from steadycode.models import load
    from steadycode.sandbox import Limits, Sandbox

    began = time.monotonic()
    settings = EvaluateConfig.model_validate(dict(job.settings))
    problems = load_problems(job.inputs["problems"], on_fault=events.message)
    limits = Limits(**settings.limits.model_dump())
    with Sandbox(limits, unsafe=settings.sandbox == "unsafe") as sandbox:
        for what, why in sandbox.missing.items():
            events.message(f"UNSAFE: generated programs run without {what} ({why})")
        judged_under = {
            **settings.limits.model_dump(mode="json"),
            "sandbox": "unsafe" if sandbox.missing else "isolated",
        }
        benchmark = _benchmark(job, settings, problems, sandbox.judge, judged_under, events)
        _tell_of(benchmark, job, events)
        model = load(Path(job.inputs["model"]), job.identity["dtype"], job.identity["device"])
        heldout = _heldout(job, settings, model, events)
        report, completions = _answers(
            job, settings, benchmark, model, sandbox.judge, len(problems), events
        )
    beyond = sum(completion.finish_reason == "window" for completion in completions)
    if beyond:
        events.message(
            f"{beyond} of {len(completions)} completions are empty: prompt and max_new_tokens "
            "together are longer than the model's window"
        )
    evidence = Evidence(
        model_fingerprint=job.identity["model"],
        conditions=_conditions(job, settings, benchmark, heldout, judged_under),
        report=report,
        heldout=heldout.losses,
        representation=heldout.representation,
        cost={
            "evaluation_seconds": round(time.monotonic() - began, 1),
            "completions": float(len(completions)),
            "beyond_window": float(beyond),
        },
    )
    paths = [job.folder / "evidence.json", job.folder / "completions.jsonl"]
    evidence.write(paths[0])
    write_jsonl(paths[1], completions)
    return paths


def _answers(
    job: Job,
    settings: EvaluateConfig,
    benchmark: "Benchmark",
    model: "LanguageModel",
    judge: "Judge",
    total_problems: int,
    events: Events,
) -> "tuple[Report, list[Completion]]":
    """What the model writes for the benchmark's prompts, and what becomes of it."""
    from steadycode.generation import complete
    from steadycode.recode.evaluate import evaluate

    return evaluate(
        benchmark,
        lambda prompts: complete(
            model,
            prompts,
            settings.decoding,
            seed=job.seed,
            cache=Path(job.inputs["completions"]),
            on_progress=partial(events.progress, "completions"),
            on_message=events.message,
        ),
        judge,
        style=settings.decoding.style,
        total_problems=total_problems,
        seed=job.seed,
        on_progress=partial(events.progress, "programs"),
    )


def _conditions(
    job: Job,
    settings: EvaluateConfig,
    benchmark: "Benchmark",
    heldout: "HeldOut",
    judged_under: Mapping[str, Any],
) -> "Conditions":
    from steadycode.evidence import Conditions

    return Conditions(
        benchmark=benchmark.content_hash,
        heldout=sha256_json([sorted(heldout.losses), settings.heldout_tokens]),
        harness=job.identity["harness"],
        decoding=settings.decoding.model_dump(mode="json"),
        dtype=job.identity["dtype"],
        engine=job.identity["engine"],
        device=job.identity["device_class"],
        limits=judged_under,
    )


def _benchmark(
    job: Job,
    settings: EvaluateConfig,
    problems: Sequence[Problem],
    judge: "Judge",
    judged_under: Mapping[str, Any],
    events: Events,
) -> "Benchmark":
    """Built once for all the models that meet it, and found again by what it is made from.

    ``judged_under``, the limits and the isolation, decides which references pass.
    """
    from steadycode.errors import DataError
    from steadycode.recode import build_benchmark, read_benchmark, write_benchmark
    from steadycode.recode.perturbations import expanded

    chosen = select_problems(problems, settings.max_problems, job.seed)
    names = expanded(settings.perturbations, settings.style)
    made_from: list[Any] = [[asdict(p) for p in chosen], names, settings.seeds, settings.style]
    made_from += [job.identity["harness"], platform.python_version(), judged_under]
    folder = Path(job.inputs["benchmarks"]) / sha256_json(made_from)[:16]
    if folder.exists():
        try:
            return read_benchmark(folder)
        except DataError as error:
            events.message(str(error))
    benchmark = build_benchmark(
        chosen,
        names,
        settings.seeds,
        settings.style,
        judge,
        on_progress=partial(events.progress, "variants checked"),
    )
    write_benchmark(benchmark, folder)
    return benchmark


def _tell_of(benchmark: "Benchmark", job: Job, events: Events) -> None:
    """What is in it, what is not, and which rows of the user's are to be mended."""
    events.message(benchmark.summary)
    for name, why in benchmark.metadata["skipped"].items():
        events.message(f"skipped: {name} ({why})")
    if failing := benchmark.metadata.get("failing_references"):
        where = locate(job.inputs["problems"])
        for task_id, detail in failing.items():
            events.message(
                f"{where.get(task_id, task_id)}: the reference solution fails its own test"
                f" ({detail}); mend or drop the row"
            )


def _hash(problems: Path) -> str:
    """A data set of the hub is a folder."""
    if problems.is_dir():
        return sha256_json(sha256_folder(problems, "*"))
    return sha256_file(problems)


def _heldout(
    job: Job, settings: EvaluateConfig, model: "LanguageModel", events: Events
) -> "HeldOut":
    from steadycode.measures.documents import read_documents
    from steadycode.measures.heldout import measure

    # in the order of their hashes: the first N are a random choice that only grows with N
    documents = sorted(read_documents(Path(job.inputs["heldout"])), key=sha256_text)
    return measure(
        model.model,
        model.tokenizer,
        documents[: settings.heldout_documents],
        max_tokens=settings.heldout_tokens,
        on_progress=partial(events.progress, "held-out documents"),
    )


if __name__ == "__main__":
    stage_main("evaluate", body)
