"""Evaluate one saved model: ReCode on nominal and perturbed prompts, held-out loss, isotropy.

The job's folder is named by what the job is, so evidence on an unchanged model under unchanged
conditions is found and not made again.
"""

import platform
import time
from collections.abc import Sequence
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
    from steadycode.models import LanguageModel
    from steadycode.recode import Benchmark

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
    """Writes ``evidence.json`` and ``completions.jsonl``."""
    from steadycode.evidence import Conditions, Evidence
    from steadycode.generation import complete
    from steadycode.models import load
    from steadycode.recode.evaluate import evaluate
    from steadycode.sandbox import Limits, Sandbox

    began = time.monotonic()
    settings = EvaluateConfig.model_validate(dict(job.settings))
    problems = load_problems(job.inputs["problems"], on_fault=events.message)
    benchmark = _benchmark(job, settings, problems, events)
    events.message(benchmark.summary)
    for name, why in benchmark.metadata["skipped"].items():
        events.message(f"skipped: {name} ({why})")
    _name_failing_references(job, benchmark, events)
    device, dtype = job.identity["device"], job.identity["dtype"]
    model = load(Path(job.inputs["model"]), dtype, device)
    heldout = _heldout(job, settings, model, events)
    limits = Limits(**settings.limits.model_dump())
    with Sandbox(limits, workers=1, unsafe=settings.sandbox == "unsafe") as sandbox:
        missing = sandbox.missing
    for what, why in missing.items():
        events.message(f"UNSAFE: generated programs run without {what} ({why})")
    isolation = "unsafe" if missing else "isolated"
    report, completions = evaluate(
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
        style=settings.decoding.style,
        limits=limits,
        unsafe=settings.sandbox == "unsafe",
        total_problems=len(problems),
        seed=job.seed,
    )
    beyond = sum(completion.finish_reason == "window" for completion in completions)
    if beyond:
        events.message(
            f"{beyond} of {len(completions)} completions are empty: prompt and max_new_tokens "
            "together are longer than the model's window"
        )
    evidence = Evidence(
        model_fingerprint=job.identity["model"],
        conditions=Conditions(
            benchmark=benchmark.content_hash,
            heldout=sha256_json([sorted(heldout.losses), settings.heldout_tokens]),
            harness=job.identity["harness"],
            decoding=settings.decoding.model_dump(mode="json"),
            dtype=dtype,
            engine=job.identity["engine"],
            device=job.identity["device_class"],
            limits={**settings.limits.model_dump(mode="json"), "sandbox": isolation},
        ),
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


def _benchmark(
    job: Job, settings: EvaluateConfig, problems: Sequence[Problem], events: Events
) -> "Benchmark":
    """Built once for all the models that meet it, and found again by what it is made from."""
    from steadycode.errors import DataError
    from steadycode.recode import build_benchmark, read_benchmark, write_benchmark
    from steadycode.recode.perturbations import expanded

    chosen = select_problems(problems, settings.max_problems, job.seed)
    names = expanded(settings.perturbations, settings.style)
    made_from: list[Any] = [[asdict(p) for p in chosen], names, settings.seeds, settings.style]
    made_from += [job.identity["harness"], platform.python_version()]
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
        unsafe=settings.sandbox == "unsafe",
        on_progress=partial(events.progress, "variants checked"),
    )
    write_benchmark(benchmark, folder)
    return benchmark


def _name_failing_references(job: Job, benchmark: "Benchmark", events: Events) -> None:
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


def _heldout(job: Job, settings: EvaluateConfig, model: "LanguageModel", events: Events) -> Any:
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
