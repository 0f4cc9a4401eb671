"""``steadycode perturb``: shows what the perturbations do, and builds benchmarks of them."""

import json
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steadycode.commands.options import Budget
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError, DataError

if TYPE_CHECKING:
    from steadycode.problems import Problem
    from steadycode.recode.variant import Plugins, Variant

app = typer.Typer(
    help="See what ReCode's perturbations do to prompts, and build benchmarks of them.",
    no_args_is_help=True,
)

Problems = Annotated[
    str, typer.Option(help="Perturb humaneval, a .jsonl file of problems, or a hub dataset's id.")
]
StyleName = Annotated[
    str, typer.Option("--style", help="Give release to perturb as published, faults included.")
]


@app.command("list")
def show_list() -> None:
    """List every perturbation: group, prompt, seeds, what it needs, and why it is there."""
    with in_project():
        from rich.console import Console

        from steadycode.views.perturbations import perturbations_table

        Console().print(perturbations_table())


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A perturbation of `steadycode perturb list`.")],
    task: Annotated[str, typer.Option(help="Perturb the problem with this task_id.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="The seed of the perturbation.")] = 0,
    style: StyleName = "sound",
    problems: Problems = "humaneval",
) -> None:
    """Show a variant of the task, or of the first that changes, as a coloured diff."""
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
    output: Annotated[Path, typer.Argument(help="Write to this folder.")],
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="Use only this perturbation; repeat it to use several."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Make so many variants by each random perturbation.")
    ] = 5,
    style: StyleName = "sound",
    problems: Problems = "humaneval",
    max_problems: Annotated[
        int | None, typer.Option(min=1, help="Perturb only so many of the problems.")
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Run every variant's reference solution in the sandbox.")
    ] = True,
    seconds: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="Allow a program so many CPU seconds.")
    ] = 3.0,
    memory_mb: Annotated[
        int, typer.Option(min=64, max=2**20, help="Allow a program so much memory, in MiB.")
    ] = 1024,
    output_kb: Annotated[
        int, typer.Option(min=1, max=2**20, help="Keep so much of what a program prints, in KiB.")
    ] = 64,
    files_mb: Annotated[
        int, typer.Option(min=0, max=2**20, help="Allow a program so much in files, in MiB.")
    ] = 16,
    budget: Budget = None,
    translations: Annotated[
        Path | None, typer.Option(help="Take the texts from this published BackTranslation file.")
    ] = None,
    variable_names: Annotated[
        Path | None, typer.Option(help="Take the names from this published VarRenamerCB file.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Choose the problems by this seed.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another benchmark in that folder.")
    ] = False,
) -> None:
    """Perturb problems, check every promise, write the benchmark, and print its table."""
    with in_project() as project:
        from rich.console import Console

        from steadycode.problems import locate, select_problems
        from steadycode.recode import benchmark_hash, build_benchmark, write_benchmark
        from steadycode.recode.perturbations import check_names
        from steadycode.recode.verification import require_most
        from steadycode.sandbox import Limits, Sandbox
        from steadycode.views.console import StageView
        from steadycode.views.perturbations import show_benchmark

        earlier = benchmark_hash(output)
        check_names(tuple(names or ()), style)
        console = Console()
        usable = _usable(problems, style)
        chosen = select_problems(usable, max_problems, seed)
        limits = Limits(
            seconds=seconds, memory_mb=memory_mb, output_kb=output_kb, files_mb=files_mb
        )
        if budget is not None:
            from steadycode.retraining.evaluation import perturbations_within

            names = perturbations_within(project, len(chosen), seeds, budget)
            console.print(f"within {budget} prompts: {', '.join(names)}")
        with (
            Sandbox(limits) if verify else nullcontext() as sandbox,
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
                total_problems=len(usable),
            )
        if verify:
            benchmark.metadata["limits"] = asdict(limits)
        places = locate(problems) if benchmark.left_out else {}
        require_most(benchmark.left_out, len(chosen), places)
        if earlier not in {None, benchmark.content_hash} and not force:
            raise ConfigError(
                f"{output} holds another benchmark (content hash {earlier}); name a new folder, or "
                "give --force to replace it"
            )
        write_benchmark(benchmark, output)
        show_benchmark(benchmark, console, places)
        console.print(f"{benchmark.summary}; in {output}", markup=False)
        console.print(f"content hash {benchmark.content_hash}")


@app.command("prompts")
def prompts(folder: Annotated[Path, typer.Argument(help="The folder of a benchmark.")]) -> None:
    """Print each prompt of a benchmark once, as JSON lines, for an engine of your own.

    An answer may name its prompt by ``id`` instead of repeating it."""
    with in_project():
        from steadycode.generation.recorded import prompt_id
        from steadycode.recode import read_benchmark

        cases = read_benchmark(folder).cases()
        for prompt in dict.fromkeys(problem.prompt for _, problem in cases):
            print(json.dumps({"id": prompt_id(prompt), "prompt": prompt}))


def _usable(source: str, style: str) -> "list[Problem]":
    """The problems of ``source``; wrong rows are told to the user and left out, but the style
    "release" keeps rows that the published benchmark damaged."""
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
    """A nominal problem and its variant: the problem ``task``, or the first that changes when
    ``task`` is empty. Raises DataError when there is no such problem."""
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


def _plugins(translations: Path | None, variable_names: Path | None) -> "Plugins":
    from steadycode.recode.replay import replay_names, replay_translation
    from steadycode.recode.variant import Plugins

    return Plugins(
        translate=replay_translation(translations) if translations else None,
        name=replay_names(variable_names) if variable_names else None,
    )
