"""Evaluate one saved model: ReCode on nominal and perturbed prompts, held-out loss, isotropy.

The job's folder is named by what the job is, so evidence on an unchanged model under unchanged
conditions is found and not made again.
"""

from pathlib import Path
from typing import Any

from steadycode.config import Config, EvaluateConfig
from steadycode.files import read_jsonl, sha256_file, sha256_json, write_json
from steadycode.problems import load_problems, problem_file, select_problems
from steadycode.project import Project
from steadycode.retraining import code_hash
from steadycode.stages.job import Events, Job, stage_main

HARNESS = ("evidence", "problems", "recode", "generation", "sandbox", "contraclm")
"""The packages whose sources decide what an evaluation says."""


def evaluation_job(project: Project, config: Config, model: Path, fingerprint: str) -> Job:
    """The job that evaluates ``model``. Its seed is the config's, so that every attempt at a
    retraining, and the champion, meet the same problems and variants."""
    from steadycode.models import pick_device, pick_dtype

    settings = config.evaluate.model_dump(mode="json")
    device = pick_device()
    dtype = str(pick_dtype(config.evaluate.precision, device)).removeprefix("torch.")
    problems = problem_file(config.evaluate.problems)
    heldout = project.data / "test.jsonl"
    identity = {
        "model": fingerprint,
        "problems": sha256_file(problems),
        "heldout": sha256_file(heldout),
        "harness": code_hash(*HARNESS),
        "device": device,
        "dtype": dtype,
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
        },
        identity=identity,
    )
    return job.in_folder(project.work / "evaluations" / job.sha256[:16])


def body(job: Job, events: Events) -> list[Path]:
    """Writes ``evidence.json`` and ``completions.jsonl``."""
    from steadycode.contraclm.heldout import measure
    from steadycode.evidence import Conditions, Evidence
    from steadycode.generation import ENGINE, complete
    from steadycode.models import load
    from steadycode.recode.evaluate import evaluate

    settings = EvaluateConfig.model_validate(job.settings)
    problems = load_problems(job.inputs["problems"])
    benchmark = _benchmark(job, settings, events)
    events.message(f"benchmark: {benchmark.summary}")
    device, dtype = job.identity["device"], job.identity["dtype"]
    model = load(Path(job.inputs["model"]), dtype, device)

    documents = [row["content"] for row in read_jsonl(Path(job.inputs["heldout"]))]
    documents = documents[: settings.heldout_documents]
    heldout = measure(
        model,
        documents,
        max_tokens=settings.heldout_tokens,
        on_progress=lambda done, total: events.progress("held-out documents", done, total),
    )
    report, completions = evaluate(
        benchmark,
        lambda prompts: complete(
            model,
            prompts,
            settings.decoding,
            seed=job.seed,
            on_progress=lambda done, total: events.progress("completions", done, total),
        ),
        limits=settings.limits,
        total_problems=len(problems),
        seed=job.seed,
        on_progress=lambda done, total: events.progress("programs", done, total),
    )
    evidence = Evidence(
        model_fingerprint=job.identity["model"],
        conditions=Conditions(
            benchmark=benchmark.content_hash,
            heldout=sha256_json([job.identity["heldout"], len(documents), settings.heldout_tokens]),
            harness=job.identity["harness"],
            decoding=settings.decoding.model_dump(mode="json"),
            dtype=dtype,
            engine=ENGINE,
            device=device,
            limits=settings.limits.model_dump(mode="json"),
        ),
        report=report,
        heldout=heldout.losses,
        representation=heldout.representation,
    )
    completions_path = job.folder / "completions.jsonl"
    return [_written(evidence, job), completions_path]


def _benchmark(job: Job, settings: EvaluateConfig, events: Events) -> Any: ...


def _written(evidence: Any, job: Job) -> Path:
    path = job.folder / "evidence.json"
    evidence.write(path)
    write_json(path, evidence)
    return path


if __name__ == "__main__":
    stage_main("evaluate", body)
