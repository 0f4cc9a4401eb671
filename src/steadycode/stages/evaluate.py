"""Evaluate one model: ReCode on nominal and perturbed prompts, held-out loss, representation.

``python -m steadycode.stages.evaluate JOB``. Settings of the job: the fields of EvaluateConfig. Its
inputs name what is evaluated, and on what:

- ``model``, a folder, with ``heldout`` (JSON lines with ``content``) and ``completions`` (where
  what a model has written is kept); or ``answers``, a file of completions that another engine has
  written, of whose model nothing else can be measured;
- ``problems``, a file, with ``benchmarks`` (where benchmarks made of problems are kept); or
  ``benchmark``, the folder of one that is made already.
"""

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from steadycode.config import EvaluateConfig
from steadycode.errors import DataError
from steadycode.files import sha256_file, sha256_json, sha256_text, write_jsonl
from steadycode.jobs.child import Events, Sources, stage_main
from steadycode.jobs.job import Job
from steadycode.threads import spin_where_idle

if TYPE_CHECKING:
    from steadycode.generation.contract import Engine
    from steadycode.measures.heldout import HeldOut
    from steadycode.problems import Problem
    from steadycode.recode import Benchmark
    from steadycode.recode.report import Report
    from steadycode.sandbox import Judge


SOURCES = Sources(
    "harness",
    (
        *("recode", "generation", "sandbox", "measures", "models", "problems", "stages/evaluate"),
        *(
            "evidence",
            "config",
            "definitions",
            "files",
            "hub",
            "identity",
            "json_lines",
            "randomness",
        ),
    ),
    read_late=True,
)
"""What decides what an evaluation says; word tables and the sandbox's processes are read late."""


class _Subject(NamedTuple):
    """What completes the prompts, and what is measured of its model without any program."""

    engine: "Engine"
    heldout: "HeldOut"
    tokenizer: str


_SYNTAX_ERRORS = ("SyntaxError", "IndentationError", "TabError")


class _Exam(NamedTuple):
    """What is evaluated: of the benchmark that was ``asked``, the part that can measure something,
    which is a subset of so many ``problems``."""

    benchmark: "Benchmark"
    asked: "Benchmark"
    problems: int


class _Court(NamedTuple):
    """Who judges programs, and what decides his verdicts: the limits and the isolation."""

    judge: "Judge"
    conditions: Mapping[str, Any]


def body(job: Job, events: Events) -> list[Path]:
    """Writes ``evidence.json`` and ``completions.jsonl``.

    One sandbox, with the user's limits, verifies the benchmark and judges the completions.
    """
    from steadycode.evidence import EVIDENCE, Conditions, Evidence
    from steadycode.recode.evaluate import evaluate

    _require_unchanged(job)
    spin_where_idle()
    began = time.monotonic()
    settings = EvaluateConfig.model_validate(dict(job.settings))
    with _court(settings, events) as court:
        benchmark, asked, problems = _benchmark(job, settings, court, events)
        documents = _documents(job, settings)
        engine, heldout, tokenizer = _subject(job, settings, asked, documents, events)
        report, completions = evaluate(
            benchmark,
            engine.complete,
            court.judge,
            style=settings.decoding.style,
            total_problems=problems,
            seed=job.seed,
            on_progress=partial(events.progress, "programs"),
        )
    _tell_of_what_is_not_python(report, events)
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
            heldout=sha256_json([[*map(sha256_text, documents)], settings.heldout_tokens]),
            harness=job.identity[SOURCES.key],
            **asdict(engine.conditions),
            limits=court.conditions,
        ),
        report=report,
        tokenizer=tokenizer,
        heldout=heldout.losses,
        representation=heldout.representation,
        cost={
            "evaluation_seconds": round(time.monotonic() - began, 1),
            "completions": float(len(completions)),
            "beyond_window": float(beyond),
        },
    )
    paths = [job.folder / EVIDENCE, job.folder / "completions.jsonl"]
    evidence.write(paths[0])
    write_jsonl(paths[1], completions)
    return paths


def input_hash(name: str, path: Path) -> str:
    """The hash by which the identity of a job knows its input ``name``: a model, answers, problems
    (a file, or the files of a data set's folder) or held-out documents."""
    from steadycode.models import fingerprint
    from steadycode.problems import data_files

    if name == "model":
        return fingerprint(path)
    files = data_files(path) if name == "problems" else [path]
    if files == [path]:
        return sha256_file(path)
    return sha256_json([[file.name, sha256_file(file)] for file in files])


def _require_unchanged(job: Job) -> None:
    """Raise DataError when an input is no longer what the job is about: what is said of it would
    be found again as evidence on the earlier one."""
    for name in ("model", "answers", "problems", "heldout"):
        path, key = Path(job.inputs.get(name, "")), "model" if name == "answers" else name
        if name in job.inputs and input_hash(name, path) != job.identity[key]:
            raise DataError(f"{path} changed since the evaluation was asked for; run it again")


@contextmanager
def _court(settings: EvaluateConfig, events: Events) -> Iterator[_Court]:
    """A sandbox with the user's limits, open as long as the block runs."""
    from steadycode.sandbox import Limits, Sandbox

    limits = Limits(**settings.limits.model_dump())
    with Sandbox(limits, unsafe=settings.sandbox == "unsafe") as sandbox:
        for what, why in sandbox.missing.items():
            events.message(f"UNSAFE: generated programs run without {what} ({why})")
        isolation = "unsafe" if sandbox.missing else "isolated"
        yield _Court(sandbox.judge, {**asdict(limits), "sandbox": isolation})


def _documents(job: Job, settings: EvaluateConfig) -> list[str]:
    """The held-out documents that are measured; none where there is only what a model wrote."""
    from steadycode.measures.documents import read_documents

    if "answers" in job.inputs:
        return []
    # in the order of their hashes: the first N are a random choice that only grows with N
    documents = sorted(read_documents(Path(job.inputs["heldout"])), key=sha256_text)
    return documents[: settings.heldout_documents]


def _subject(
    job: Job,
    settings: EvaluateConfig,
    benchmark: "Benchmark",
    documents: list[str],
    events: Events,
) -> _Subject:
    from steadycode.generation.builtin import BuiltinEngine
    from steadycode.generation.recorded import RecordedEngine
    from steadycode.measures.heldout import HeldOut, measure
    from steadycode.models import load
    from steadycode.models.tokens import tokenizer_fingerprint

    if "answers" in job.inputs:
        path = Path(job.inputs["answers"])
        answers = RecordedEngine(path, settings.decoding.style, benchmark.tasks)
        unknown = answers.unknown([problem.prompt for _, problem in benchmark.cases()])
        if unknown:
            events.message(f"{unknown} lines of {path} answer no prompt of the benchmark")
        return _Subject(answers, HeldOut(losses={}, representation={}), tokenizer="")
    model = load(Path(job.inputs["model"]), job.identity["dtype"], job.identity["device"])
    heldout = measure(
        model.model,
        model.tokenizer,
        documents,
        max_tokens=settings.heldout_tokens,
        on_progress=partial(events.progress, "held-out documents"),
    )
    engine = BuiltinEngine(
        model,
        settings.decoding,
        seed=job.seed,
        cache=Path(job.inputs["completions"]),
        on_progress=partial(events.progress, "completions"),
        on_message=events.message,
    )
    return _Subject(engine, heldout, tokenizer_fingerprint(model.tokenizer))


def _benchmark(job: Job, settings: EvaluateConfig, court: _Court, events: Events) -> _Exam:
    from steadycode.problems import load_problems, locate
    from steadycode.recode.verification import faults, require_most

    if "benchmark" in job.inputs:
        exam, places = _recorded_benchmark(job, court, events), {}
    else:
        source = job.inputs["problems"]
        problems = load_problems(source, on_fault=events.message)
        benchmark = _made_benchmark(job, settings, problems, court, events)
        exam = _Exam(benchmark, benchmark, len(problems))
        places = locate(source) if benchmark.left_out else {}
    benchmark = exam.benchmark
    events.message(benchmark.summary)
    for name, why in benchmark.metadata.get("skipped", {}).items():
        events.message(f"skipped: {name} ({why})")
    for line in faults(benchmark.left_out, places):
        events.message(line)
    left_out = benchmark.left_out
    require_most(left_out, len(benchmark.nominal) + len(left_out), places)
    return exam


def _recorded_benchmark(job: Job, court: _Court, events: Events) -> _Exam:
    """One that was made elsewhere, whose problems are verified as here and now they are judged."""
    from steadycode.recode import read_benchmark
    from steadycode.recode.verification import verify

    folder = Path(job.inputs["benchmark"])
    whole = read_benchmark(folder)
    made_for = {whole.content_hash: whole, whole.unperturbed.content_hash: whole.unperturbed}
    asked = made_for.get(job.identity["benchmark"])
    if asked is None:
        raise DataError(f"{folder} changed since the evaluation was asked for; run it again")
    if asked is not whole:
        events.message(
            "only the problems' own prompts have answers, so there is pass@1 and no robustness"
            " (`steadycode perturb prompts` prints all prompts)"
        )
    limits = asked.metadata.get("limits")
    if limits and any(court.conditions[name] != value for name, value in limits.items()):
        events.message(f"{folder} was verified under other limits ({limits}) than are set now")
    benchmark = asked.without(verify(asked.nominal, court.judge))
    return _Exam(benchmark, asked, asked.total_problems)


def _made_benchmark(
    job: Job,
    settings: EvaluateConfig,
    problems: "list[Problem]",
    court: _Court,
    events: Events,
) -> "Benchmark":
    """Built once for all the models that meet it, and found again by what it is made from.

    The limits and the isolation are part of that, since they decide which references pass; so are
    the libraries whose tables and grammars make the variants.
    """
    from steadycode.problems import select_problems
    from steadycode.recode import build_benchmark, read_benchmark, write_benchmark
    from steadycode.recode.perturbations import expanded, libraries

    chosen = select_problems(problems, settings.max_problems, job.seed)
    names = expanded(settings.perturbations, settings.style)
    made_from: list[Any] = [
        [asdict(p) for p in chosen],
        len(problems),
        names,
        settings.seeds,
        settings.style,
    ]
    made_from += [job.identity[SOURCES.key], platform.python_version(), court.conditions]
    made_from.append(libraries(settings.style))
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
        court.judge,
        on_progress=partial(events.progress, "variants checked"),
        total_problems=len(problems),
    )
    write_benchmark(benchmark, folder)
    return benchmark


def _tell_of_what_is_not_python(report: "Report", events: Events) -> None:
    details = [v.detail for outcome in report.outcomes for v in outcome.verdicts]
    wrong = sum(detail.startswith(_SYNTAX_ERRORS) for detail in details)
    if wrong:
        events.message(f"{wrong} of {len(details)} completions are not Python")


if __name__ == "__main__":
    stage_main("evaluate", body, sources=SOURCES)
