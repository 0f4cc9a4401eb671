"""How much of the published robustness drop is damage: both styles of ReCode, side by side.

    python benchmarks/damage.py --model smollm2-135m-instruct --problems 164 --solved 8

Completes the nominal prompts first, full and half-solved, and goes on with problems that the model
solves there (a drop only shows on those), at most ``--solved`` of each mode, chosen by a stable
hash. Then it completes every variant of the published perturbations in both styles. A
release variant whose own reference solution no longer passes is damaged: no model can be expected
to solve it. The ceiling is the robust pass, over all problems, of one who always writes the
reference.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from steadycode.config import Decoding
from steadycode.generation import complete
from steadycode.generation.contract import Completion
from steadycode.models import load, pick_device, pick_dtype, resolve
from steadycode.problems import Problem, load_problems, select_problems
from steadycode.project import find_project
from steadycode.recode import PERTURBATIONS, Benchmark, build_benchmark
from steadycode.recode.evaluate import evaluate
from steadycode.recode.programs import reference
from steadycode.recode.variant import GROUPS, STYLES, Group, Mode, Style, mode_of
from steadycode.sandbox import Judge, Sandbox

Engine = Callable[[Sequence[str]], Iterable[Completion]]


@dataclass
class Seen:
    """What was seen of one group in one style: by task_id, an entry for each changed variant."""

    passed: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    whole: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Whether the variant's reference solution passes, so that it is not damaged."""

    def robust(self, whole_only: bool = False) -> tuple[int, int]:
        """How many problems pass on all their (undamaged) variants, and how many have any."""
        rows = [
            [ok for ok, whole in zip(self.passed[t], self.whole[t], strict=True)
             if whole or not whole_only]
            for t in self.passed
        ]  # fmt: skip
        return sum(all(row) for row in rows if row), sum(bool(row) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--problems", type=int, default=164, help="of HumanEval, for the nominal")
    parser.add_argument("--solved", type=int, default=8, help="problems that go on, in each mode")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--max-new-tokens", type=int, default=128)
    options = parser.parse_args()

    project = find_project()
    project.prepare_environment()
    device = pick_device()
    model = load(Path(resolve(options.model, project)), pick_dtype("auto", device), device)
    decoding = Decoding(max_new_tokens=options.max_new_tokens)
    console = Console()

    def engine(prompts: Sequence[str]) -> Iterable[Completion]:
        yield from complete(model, prompts, decoding, cache=project.work / "completions")

    problems = select_problems(load_problems("humaneval"), options.problems, 0)
    with Sandbox() as sandbox:
        console.print(_compared(problems, options, engine, sandbox.judge, console))


def _compared(
    problems: list[Problem],
    options: argparse.Namespace,
    engine: Engine,
    judge: Judge,
    console: Console,
) -> Table:
    solved = _solved(problems, engine, judge, options.solved, console)
    table = Table("group", "problems", "RP sound", "RP release", "RP release, undamaged variants",
                  "damaged variants", "ceiling of release")  # fmt: skip
    for group in GROUPS:
        chosen = solved[mode_of(group)]
        sound, release = (
            _seen(_benchmark(chosen, group, style, options.seeds, judge), engine, judge)
            for style in STYLES
        )
        ceiling = _intact(_benchmark(problems, group, "release", options.seeds, judge), judge)
        rows = [ok for row in release.whole.values() for ok in row]
        table.add_row(
            group,
            str(len(chosen)),
            _of(*sound.robust()),
            _of(*release.robust()),
            _of(*release.robust(whole_only=True)),
            _of(rows.count(False), len(rows)),
            _of(sum(all(row) for row in ceiling.values()), len(ceiling)),
        )
    return table


def _solved(
    problems: list[Problem], engine: Engine, judge: Judge, count: int, console: Console
) -> dict[Mode, list[Problem]]:
    report, _ = evaluate(build_benchmark(problems, (), judge=judge), engine, judge)
    solved: dict[Mode, list[Problem]] = {}
    for mode in ("full", "partial"):
        passed = report.nominal(mode)
        able = [p for p in problems if passed[p.task_id][0]]
        solved[mode] = select_problems(able, count, 0)
        console.print(f"{mode}: {len(able)} of {len(problems)} solved; {len(solved[mode])} go on")
    return solved


def _benchmark(
    problems: list[Problem], group: Group, style: Style, seeds: int, judge: Judge
) -> Benchmark:
    names = [n for n, info in PERTURBATIONS.items()
             if info.group == group and not info.why and not info.needs]  # fmt: skip
    verifies = judge if style == "sound" else None
    return build_benchmark(problems, names, seeds=seeds, style=style, judge=verifies)


def _seen(benchmark: Benchmark, engine: Engine, judge: Judge) -> Seen:
    report, _ = evaluate(benchmark, engine, judge)
    seen = Seen(whole=_intact(benchmark, judge))
    for outcome in report.outcomes:
        if outcome.perturbation and outcome.changed:
            seen.passed[outcome.task_id].append(outcome.passed[0])
    return seen


def _intact(benchmark: Benchmark, judge: Judge) -> dict[str, list[bool]]:
    """Whether the reference solution of each changed variant passes, by task_id."""
    changed = [variant for variant in benchmark.variants if variant.changed]
    verdicts = dict(judge(enumerate(map(reference, changed))))
    passes: dict[str, list[bool]] = defaultdict(list)
    for number, variant in enumerate(changed):
        passes[variant.task_id].append(verdicts[number].status == "passed")
    return passes


def _of(part: int, whole: int) -> str:
    return f"{part}/{whole} ({100 * part / whole:.0f} %)" if whole else "—"


if __name__ == "__main__":
    main()
