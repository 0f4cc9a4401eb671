"""Shows perturbations: their list, one variant as a coloured diff, and a benchmark's table."""

import difflib
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS, Benchmark
from steadycode.recode.variant import Variant
from steadycode.recode.verification import faults
from steadycode.views.readable import Readable, figure, name

_COLUMNS = ("rows", "changed", "repeated", "parse", "reference passes", "rejected")


def perturbations_table() -> Readable:
    """A table of every perturbation, which says too whether it is natural or a stress."""
    table = Table(
        *map(name, ("name", "group", "kind", "prompt", "seeds", "needs")), "where people write so"
    )
    for key, info in PERTURBATIONS.items():
        needs = ", ".join(info.needs)
        why = info.why or "published"
        table.add_row(
            key, info.group, info.kind, info.mode, "many" if info.random else "one", needs, why
        )
    return Readable(table)


def variant_diff(nominal: Problem, variant: Variant) -> Iterator[Text]:
    """Yield the prompt before and after the perturbation, and whatever else it changed."""
    title = f"{nominal.task_id}, {variant.perturbation}, seed {variant.seed}, style {variant.style}"
    yield Text(title, "bold")
    if not variant.changed:
        yield Text("the prompt does not change", "yellow")
    for part in ("prompt", "canonical_solution", "test"):
        before, after = getattr(nominal, part), getattr(variant, part)
        if part == "prompt" or before != after:
            yield Text(f"--- {part}", "dim")
            yield _diff(before, after)


def show_benchmark(benchmark: Benchmark, console: Console, where: Mapping[str, str]) -> None:
    """Print, for each perturbation, how many rows it has and how many of them keep each promise.
    ``where`` gives the place of each task's row (``file:line``), for those that are left out."""
    table = Table(name("perturbation"), name("group"), name("kind"), *map(figure, _COLUMNS))
    for key, counts in benchmark.metadata["counts"].items():
        rows = counts["rows"]
        cells = [str(rows), _share(rows - counts["unchanged"], rows)]
        cells += [str(counts["repeated"]), _share(counts["parsed"], rows)]
        cells += [_share(counts["passed"], rows), str(counts["rejected"])]
        table.add_row(key, PERTURBATIONS[key].group, PERTURBATIONS[key].kind, *cells)
    console.print(Readable(table))
    for key, why in benchmark.metadata["skipped"].items():
        console.print(f"skipped: {key} ({why})", markup=False)
    for line in faults(benchmark.left_out, where):
        console.print(line, style="yellow", markup=False, soft_wrap=True)


def _share(part: int | None, whole: int) -> str:
    return "not run" if part is None else f"{100 * part / whole:.1f} %" if whole else "—"


def _diff(before: str, after: str) -> Text:
    """Both texts' lines: removed characters in red, added ones in green."""
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
    """The character, or a sign for it if it is a changed blank or would act on the terminal."""
    if character == "\n":
        return "⏎\n" if touched else "\n"
    if character == "\t" or (character == " " and touched):
        return "→   " if character == "\t" else "␣"
    return character if character.isprintable() else repr(character)[1:-1]
