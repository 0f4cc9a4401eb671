"""``steadycode perturb``: see what the perturbations do, and build benchmarks from them."""

from pathlib import Path
from typing import Annotated

import typer

from steadycode.commands.project import in_project

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
        from steadycode.stages.benchmarks import list_perturbations

        list_perturbations()


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
        from steadycode.stages.benchmarks import show_variant

        show_variant(name, problems, task, seed, style)


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
    budget: Annotated[
        int | None,
        typer.Option(min=1, help="Only what told most in earlier runs, N prompts at most."),
    ] = None,
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
        from steadycode.stages.benchmarks import build_and_show

        build_and_show(
            project,
            output,
            problems=problems,
            max_problems=max_problems,
            names=names,
            seeds=seeds,
            style=style,
            verify=verify,
            budget=budget,
            translations=translations,
            variable_names=variable_names,
            seed=seed,
        )


@app.command("prompts")
def prompts(folder: Annotated[Path, typer.Argument(help="A benchmark.")]) -> None:
    """Each prompt of a benchmark once, as JSON lines, for an engine of your own."""
    with in_project():
        from steadycode.stages.benchmarks import print_prompts

        print_prompts(folder)
