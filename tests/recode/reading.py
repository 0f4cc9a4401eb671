"""The sample of natural variants that people read, to say whether they keep the task's meaning.

    python -m tests.recode.reading

writes the sample into ``reading.csv`` beside this file: 15 changed variants of HumanEval of each
natural perturbation that needs no model. Verdicts of rows whose variant is the same as before stay,
those of all others are empty and to be filled in by a reader: ``kept``, ``changed`` (it states
another task) or ``broken`` (it cannot be understood, or is no Python). A second person reads in the
last two columns, without looking at the first. Then it prints docs/recode.md's table.
"""

import csv
import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from random import Random

from steadycode.problems import Problem, load_problems
from steadycode.randomness import derive_seed
from steadycode.recode import PERTURBATIONS, Variant, perturb
from steadycode.recode.perturbations import nominal_of

READ = Path(__file__).with_name("reading.csv")
EACH = 15
"""How many variants of each perturbation are read."""
VERDICTS = ("kept", "changed", "broken")
_SEEDS = 5
_LONGEST = 500
"""The most characters of an excerpt; ``steadycode perturb show`` shows the whole variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One variant that was read. ``content`` is a hash of its prompt and reference solution; before
    and after are the lines that differ, with ``⏎`` for their ends and ``→`` for tabs."""

    perturbation: str
    task_id: str
    seed: int
    content: str
    before: str
    after: str
    verdict: str = ""
    reader: str = ""
    second_verdict: str = ""
    second_reader: str = ""

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.perturbation, self.task_id, self.seed, self.content


def natural() -> list[str]:
    """The natural perturbations that need no model, in the order of the catalogue."""
    return [n for n, entry in PERTURBATIONS.items() if entry.kind == "natural" and not entry.needs]


def sample(problems: Sequence[Problem]) -> Iterator[tuple[Problem, Variant]]:
    """Yields for each natural perturbation the same changed variants each time, with the problems
    that they were made of."""
    for name in natural():
        shuffled = list(problems)
        Random(derive_seed(0, "reading", name)).shuffle(shuffled)
        left = EACH
        for number, problem in enumerate(shuffled):
            seed = number % _SEEDS if PERTURBATIONS[name].random else 0
            variant = perturb(problem, name, seed)
            if variant.changed and left:
                left -= 1
                yield nominal_of(problem, PERTURBATIONS[name].mode, "sound"), variant


def row(nominal: Problem, variant: Variant) -> Row:
    before, after = nominal.prompt.splitlines(), variant.prompt.splitlines()
    old, new = list[str](), list[str]()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            old += before[a:b]
            new += after[c:d]
    content = variant.prompt + variant.canonical_solution + variant.test
    return Row(
        perturbation=variant.perturbation,
        task_id=variant.task_id,
        seed=variant.seed,
        content=hashlib.sha256(content.encode()).hexdigest()[:12],
        before=_excerpt(old),
        after=_excerpt(new),
    )


def _excerpt(lines: list[str]) -> str:
    text = "".join(line.replace("\t", "→") + "⏎" for line in lines)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def read_rows() -> list[Row]:
    """The rows of the file, with the verdicts of both readers; none without a file."""
    if not READ.exists():
        return []
    with READ.open(encoding="utf-8", newline="") as file:
        return [Row(**{**r, "seed": int(r["seed"])}) for r in csv.DictReader(file)]


def write_rows(rows: Sequence[Row]) -> None:
    with READ.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(each) for each in rows)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yields the lines of a Markdown table: how many variants of each perturbation each of the two
    readers found to keep the meaning, to change it, or to be broken."""
    yield f"| read by eye | {' | '.join(VERDICTS)} | second reader: {' | '.join(VERDICTS)} |"
    yield "|---" * (2 * len(VERDICTS) + 1) + "|"
    for name in natural():
        own = [each for each in rows if each.perturbation == name]
        first = [sum(each.verdict == verdict for each in own) for verdict in VERDICTS]
        second = [sum(each.second_verdict == verdict for each in own) for verdict in VERDICTS]
        yield f"| {name} | {' | '.join(map(str, [*first, *second]))} |"


def main() -> None:
    verdicts = {each.key: each for each in read_rows()}
    rows = [row(*pair) for pair in sample(load_problems("humaneval"))]
    write_rows([verdicts.get(each.key, each) for each in rows])
    print("\n".join(table(read_rows())))


if __name__ == "__main__":
    main()
