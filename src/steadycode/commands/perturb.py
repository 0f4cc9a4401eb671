"""``steadycode perturb``: see what the perturbations do, and build benchmarks from them."""

import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steadycode.commands.options import Budget
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError, DataError

if TYPE_CHECKING:
    from steadycode.problems import Problem
    from steadycode.project import Project
    from steadycode.recode.variant import Plugins, Variant

app = typer.Typer(
    help="What ReCode's perturbations do to prompts, and benchmarks made of them.",
    no_args_is_help=True,
)

Problems = Annotated[
    str, typer.Option(help="humaneval, a .jsonl file of problems, or a hub dataset's id.")
]
StyleName = Annotated[
    str, typer.Option("--style", help="sound, or release: as published, faults included.")
]


@app.command("list")
def show_list() -> None:
    """Every perturbation: group, mode, seeds, what it needs, and why it is there."""
    with in_project():
        from rich.console import Console

        from steadycode.views.perturbations import perturbations_table

        Console().print(perturbations_table())


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="As `perturb list` has it.")],
    task: Annotated[str, typer.Option(help="A problem's task_id.")] = "",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    style: StyleName = "sound",
    problems: Problems = "humaneval",
) -> None:
    """One variant as a coloured diff: prompt, solution and test."""
    with in_project():
        from rich.console import Console

        from steadycode.recode.perturbations import check_names
        from steadycode.views.perturbations import variant_diff

        check_names((name,), style)
        nominal, variant = _first_changed(name, _usable(problems, style), task, seed, style)
        console = Console(highlight=False)
        for line in variant_diff(nominal, variant):
            console.print(line, soft_wrap=True)


@app.command("build")
def build(
    output: Annotated[Path, typer.Argument(help="Folder of the benchmark; replaced if it is one.")],
    names: Annotated[
        list[str] | None, typer.Option("--name", help="One perturbation; all when none is named.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Variants of each random one.")] = 5,
    style: StyleName = "sound",
    problems: Problems = "humaneval",
    max_problems: Annotated[int | None, typer.Option(min=1, help="A subset.")] = None,
    verify: Annotated[
        bool, typer.Option(help="Run every variant's reference solution in the sandbox.")
    ] = True,
    budget: Budget = None,
    translations: Annotated[
        Path | None, typer.Option(help="A published BackTranslation file, to take its texts.")
    ] = None,
    variable_names: Annotated[
        Path | None, typer.Option(help="A published VarRenamerCB file, to take its names.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of a subset.")] = 0,
) -> None:
    """Perturb problems, check every promise, write the benchmark, and print its table."""
    with in_project() as project:
        from rich.console import Console

        from steadycode.problems import locate, select_problems
        from steadycode.recode import build_benchmark, write_benchmark
        from steadycode.recode.perturbations import check_names
        from steadycode.sandbox import Sandbox
        from steadycode.views.console import StageView
        from steadycode.views.perturbations import show_benchmark

        if output.exists() and not (output / "manifest.json").exists() and any(output.iterdir()):
            raise ConfigError(f"{output} is not empty and holds no benchmark; name a new folder")
        check_names(tuple(names or ()), style)
        console = Console()
        chosen = select_problems(_usable(problems, style), max_problems, seed)
        if budget is not None:
            names = _within(project, len(chosen), seeds, budget)
            console.print(f"within {budget} prompts: {', '.join(names)}")
        with (
            Sandbox() if verify else nullcontext() as sandbox,
            StageView(console, 1).stage(f"perturb {len(chosen)} problems") as view,
        ):
            benchmark = build_benchmark(
                chosen,
                names,
                seeds,
                style,  # type: ignore[arg-type]
                sandbox.judge if sandbox else None,
                plugins=_plugins(translations, variable_names),
                on_progress=partial(view.progress, "variants checked"),
            )
        write_benchmark(benchmark, output)
        failing = benchmark.metadata["failing_references"]
        show_benchmark(benchmark, console, locate(problems) if failing else {})
        console.print(f"{benchmark.summary}; in {output}", markup=False)
        console.print(f"content hash {benchmark.content_hash}")


@app.command("prompts")
def prompts(folder: Annotated[Path, typer.Argument(help="A benchmark.")]) -> None:
    """Each prompt of a benchmark once, as JSON lines, for an engine of your own."""
    with in_project():
        from steadycode.recode import read_benchmark

        cases = read_benchmark(folder).cases()
        for prompt in dict.fromkeys(problem.prompt for _, problem in cases):
            print(json.dumps({"prompt": prompt}))


def _usable(source: str, style: str) -> "list[Problem]":
    """Wrong rows are told and left out; style release keeps the damage of published ones."""
    from rich.console import Console

    from steadycode.problems import load_problems

    console = Console(stderr=True)
    return load_problems(
        source,
        lambda fault: console.print(fault, style="yellow", markup=False, soft_wrap=True),
        check_programs=style != "release",
    )


def _first_changed(
    name: str, problems: "list[Problem]", task: str, seed: int, style: str
) -> "tuple[Problem, Variant]":
    """The variant of the problem ``task``, or of the first problem that the perturbation changes,
    beside what it was made from."""
    from steadycode.recode import PERTURBATIONS, perturb
    from steadycode.recode.perturbations import nominal_of

    if task:
        problems = [problem for problem in problems if problem.task_id == task]
    if not problems:
        raise DataError(f"there is no problem {task!r}; use a task_id such as HumanEval/0")
    for problem in problems:
        variant = perturb(problem, name, seed, style)  # type: ignore[arg-type]
        if variant.changed:
            break
    return nominal_of(problem, PERTURBATIONS[name].mode, style), variant  # type: ignore[arg-type]


def _within(project: "Project", problems: int, seeds: int, budget: int) -> list[str]:
    from steadycode.recode.budget import choose, told
    from steadycode.retraining.evaluation import earlier_reports

    return choose(told(earlier_reports(project)), problems, seeds, budget)


def _plugins(translations: Path | None, variable_names: Path | None) -> "Plugins":
    from steadycode.recode.replay import replay_names, replay_translation
    from steadycode.recode.variant import Plugins

    return Plugins(
        translate=replay_translation(translations) if translations else None,
        name=replay_names(variable_names) if variable_names else None,
    )
