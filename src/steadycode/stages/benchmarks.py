"""Perturbations and benchmarks by hand from the command line, on the terminal."""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from steadycode.config import Config
from steadycode.errors import ConfigError, DataError
from steadycode.files import write_json
from steadycode.generation.contract import Completion
from steadycode.problems import Problem, load_problems, locate, select_problems
from steadycode.project import Project
from steadycode.recode import (
    PERTURBATIONS,
    Benchmark,
    build_benchmark,
    perturb,
    read_benchmark,
    write_benchmark,
)
from steadycode.recode.budget import choose, told
from steadycode.recode.perturbations import check_names, nominal_of
from steadycode.recode.report import Report
from steadycode.recode.variant import Plugins
from steadycode.sandbox import Limits, Sandbox
from steadycode.views.console import StageView


def list_perturbations() -> None:
    """``steadycode perturb list``."""
    table = Table(
        Column("name", no_wrap=True), "group", "prompt", "seeds", "needs", "where people write so"
    )
    for name, info in PERTURBATIONS.items():
        needs = ", ".join(info.needs)
        why = info.why or "published"
        table.add_row(name, info.group, info.mode, "many" if info.random else "one", needs, why)
    Console().print(table)


def show_variant(name: str, source: str, task: str, seed: int, style: str) -> None:
    """``steadycode perturb show``: the first problem that changes, or the one named ``task``."""
    check_names((name,), style)
    problems = _problems(source, style, Console(stderr=True))
    if task:
        problems = [problem for problem in problems if problem.task_id == task]
        if not problems:
            raise DataError(f"{source} has no problem {task!r}; use a task_id such as HumanEval/0")
    for problem in problems:
        variant = perturb(problem, name, seed, style)  # type: ignore[arg-type]
        if variant.changed or task:
            break
    nominal = nominal_of(problem, PERTURBATIONS[name].mode, style)  # type: ignore[arg-type]
    console = Console(highlight=False)
    console.print(Text(f"{problem.task_id}, {name}, seed {seed}, style {style}", "bold"))
    if not variant.changed:
        console.print("the prompt does not change", style="yellow")
    for part in ("prompt", "canonical_solution", "test"):
        before, after = getattr(nominal, part), getattr(variant, part)
        if part == "prompt" or before != after:
            console.print(Text(f"--- {part}", "dim"))
            console.print(_diff(before, after), soft_wrap=True)


def _problems(source: str, style: str, console: Console) -> list[Problem]:
    """Wrong rows are told and left out; style release keeps the damage of published ones."""
    return load_problems(
        source,
        lambda fault: console.print(fault, style="yellow", markup=False, soft_wrap=True),
        check_programs=style != "release",
    )


def _diff(before: str, after: str) -> Text:
    """Lines with what was there in red and what is there in green, character by character."""
    text = Text()
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            text.append("".join(f"  {line}" for line in old[a:b]))
            continue
        marks = difflib.SequenceMatcher(None, "".join(old[a:b]), "".join(new[c:d]), autojunk=False)
        for sign, lines, colour, side in (("-", old[a:b], "red", 0), ("+", new[c:d], "green", 1)):
            touched = {
                place
                for what, *ends in marks.get_opcodes()
                if what != "equal"
                for place in range(*ends[2 * side : 2 * side + 2])
            }
            place = 0
            for line in lines:
                text.append(f"{sign} ", colour)
                for character in line:
                    strong = f"bold reverse {colour}" if place in touched else colour
                    text.append(_visible(character, place in touched), strong)
                    place += 1
                if not line.endswith("\n"):
                    text.append("\n")
    return text


def _visible(character: str, touched: bool) -> str:
    """Blanks that changed, and what would act on the terminal, as signs."""
    if character == "\n":
        return "⏎\n" if touched else "\n"
    if character == "\t" or (character == " " and touched):
        return "→   " if character == "\t" else "␣"
    return character if character.isprintable() else repr(character)[1:-1]


def build_and_show(
    project: Project,
    output: Path,
    *,
    problems: str,
    max_problems: int | None,
    names: Sequence[str] | None,
    seeds: int,
    style: str,
    verify: bool,
    budget: int | None,
    translations: Path | None,
    variable_names: Path | None,
    seed: int,
) -> None:
    """``steadycode perturb build``."""
    if output.exists() and not (output / "manifest.json").exists() and any(output.iterdir()):
        raise ConfigError(f"{output} is not empty and holds no benchmark; name a new folder")
    check_names(tuple(names or ()), style)
    console = Console()
    every = _problems(problems, style, console)
    chosen = select_problems(every, max_problems, seed)
    if budget is not None:
        names = choose(told(earlier_reports(project)), len(chosen), seeds, budget)
        console.print(f"within {budget} prompts: {', '.join(names)}")
    title = f"perturb {len(chosen)} problems"
    with Sandbox() if verify else nullcontext() as sandbox, _progress(console, title) as progress:
        benchmark = build_benchmark(
            chosen,
            names,
            seeds,
            style,  # type: ignore[arg-type]
            sandbox.judge if sandbox else None,
            plugins=_plugins(translations, variable_names),
            on_progress=lambda done, total: progress("variants checked", done, total),
        )
    write_benchmark(benchmark, output)
    failing = benchmark.metadata["failing_references"]
    show_benchmark(benchmark, console, locate(problems) if failing else {})
    console.print(f"{benchmark.summary}; in {output}", markup=False)
    console.print(f"content hash {benchmark.content_hash}")


def _plugins(translations: Path | None, variable_names: Path | None) -> Plugins:
    from steadycode.recode.replay import replay_names, replay_translation

    return Plugins(
        translate=replay_translation(translations) if translations else None,
        name=replay_names(variable_names) if variable_names else None,
    )


@contextmanager
def _progress(console: Console, title: str) -> Iterator[Callable[[str, int, int], None]]:
    with StageView(console, 1).stage(title) as view:
        yield view.progress


def show_benchmark(benchmark: Benchmark, console: Console, where: Mapping[str, str]) -> None:
    """Perturbation by perturbation: rows, and the shares of them that keep each promise. ``where``
    each task is, as ``file:line``."""
    table = Table(Column("perturbation", no_wrap=True), "group", *_COLUMNS)
    for name, counts in benchmark.metadata["counts"].items():
        rows = counts["rows"]
        cells = [str(rows), _share(rows - counts["unchanged"], rows)]
        cells += [str(counts["repeated"]), _share(counts["parsed"], rows)]
        cells += [_share(counts["passed"], rows), str(counts["rejected"])]
        table.add_row(name, PERTURBATIONS[name].group, *cells)
    console.print(table)
    for name, why in benchmark.metadata["skipped"].items():
        console.print(f"skipped: {name} ({why})", markup=False)
    for task, detail in benchmark.metadata.get("failing_references", {}).items():
        console.print(
            f"{where.get(task, task)}: the reference solution fails its own test ({detail});"
            " mend or drop the row",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


_COLUMNS = ("rows", "changed", "repeated", "parse", "reference passes", "rejected")


def _share(part: int | None, whole: int) -> str:
    return "not run" if part is None else f"{100 * part / whole:.1f} %" if whole else "—"


def earlier_reports(project: Project) -> list[Report]:
    """Of every evaluation of this project that can still be read, oldest first."""
    from steadycode.errors import EvidenceError
    from steadycode.evidence import Evidence

    found = sorted(
        (project.work / "evaluations").glob("*/evidence.json"), key=lambda p: p.stat().st_mtime
    )
    reports = []
    for path in found:
        try:
            reports.append(Evidence.read(path).report)
        except EvidenceError:  # of another version
            continue
    return reports


def within_budget(project: Project, config: Config, budget: int) -> Config:
    """The config with the perturbations that fit. Raises ConfigError when none does."""
    settings = config.evaluate
    usable = load_problems(settings.problems, lambda fault: None)  # the evaluation tells of them
    problems = select_problems(usable, settings.max_problems, config.seed)
    names = choose(told(earlier_reports(project)), len(problems), settings.seeds, budget)
    Console().print(f"within {budget} prompts: {', '.join(names)}")
    return config.model_copy(
        update={"evaluate": settings.model_copy(update={"perturbations": tuple(names)})}
    )


def print_prompts(folder: Path) -> None:
    """``steadycode perturb prompts``: each prompt once, as JSON lines."""
    for prompt in dict.fromkeys(problem.prompt for _, problem in read_benchmark(folder).cases()):
        print(json.dumps({"prompt": prompt}))


def evaluate_completions(folder: Path, path: Path, config: Config) -> None:
    """``steadycode evaluate --completions``: the report on what another engine wrote.

    Each line of ``path`` has ``prompt`` and ``completion``; several lines of one prompt are its
    samples. The report is written beside it.
    """
    from steadycode.recode.evaluate import evaluate

    benchmark = read_benchmark(folder)
    given = read_completions(path, [problem for _, problem in benchmark.cases()])
    console = Console()
    settings = config.evaluate
    limits = Limits(**settings.limits.model_dump())
    with (
        Sandbox(limits, unsafe=settings.sandbox == "unsafe") as sandbox,
        _progress(console, f"evaluate {path.name}") as progress,
    ):
        report, _ = evaluate(
            benchmark,
            lambda prompts: (completion for prompt in prompts for completion in given[prompt]),
            sandbox.judge,
            style=settings.decoding.style,
            seed=config.seed,
            on_progress=lambda done, total: progress("programs", done, total),
        )
    console.print(report_table(report))
    beside = path.with_name(f"{path.stem}.report.json")
    write_json(beside, asdict(report))
    console.print(f"report: {beside}", markup=False)


def read_completions(path: Path, problems: Sequence[Problem]) -> dict[str, list[Completion]]:
    """prompt -> its samples. Raises DataError, with file and line, for a row that is none, and for
    prompts that are missing or have different numbers of samples."""
    wanted: dict[str, list[Completion]] = {problem.prompt: [] for problem in problems}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        prompt, text = _pair(line, f"{path}:{number}")
        if prompt in wanted:
            found = wanted[prompt]
            found.append(
                Completion(
                    prompt=prompt,
                    sample=len(found),
                    text=text,
                    finish_reason="end_of_text",
                    mean_logprob=None,
                )
            )
    counts = {len(found) for found in wanted.values()}
    if len(counts) > 1 or counts == {0}:
        missing = sum(not found for found in wanted.values())
        raise DataError(
            f"{path}: {missing} of {len(wanted)} prompts of the benchmark have no completion, and"
            f" the others {', '.join(map(str, sorted(counts - {0}))) or 'none'}; every prompt needs"
            " the same number"
        )
    return wanted


def _pair(line: str, where: str) -> tuple[str, str]:
    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON ({error.msg})") from error
    pair = (row.get("prompt"), row.get("completion")) if isinstance(row, dict) else (None, None)
    if not all(isinstance(part, str) for part in pair):
        raise DataError(f"{where}: needs the texts 'prompt' and 'completion'")
    return pair  # type: ignore[return-value]


def report_table(report: Report) -> Table:
    """Every figure of a report with its interval and how many problems stand behind it."""
    table = Table("figure", report.label, "95 %", "n", "left out")
    for name, figure in report.figures.items():
        if figure.reason:
            table.add_row(name, Text(f"— {figure.reason}"), "", str(figure.n), "")
        elif name == "recode/some_variants":
            table.add_row(name, f"{figure.value:g}", "", "", "")
        else:
            value, low, high = (f"{100 * part:.1f}" for part in
                                (figure.value, figure.low, figure.high))  # fmt: skip
            table.add_row(name, value, f"{low}–{high}", str(figure.n), str(figure.left_out))
    return table
