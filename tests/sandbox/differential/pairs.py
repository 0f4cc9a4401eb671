"""Pairs of a program and its test, read from the text files beside this one.

``## name`` begins a program, ``## name @ entry`` one whose entry point is not ``f``; each ``---``
begins the body of one test of it.
"""

from dataclasses import dataclass
from pathlib import Path

from steadycode.sandbox import Program

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pair:
    name: str
    program: Program


def read_pairs() -> list[Pair]:
    return [pair for path in sorted(FOLDER.glob("*.txt")) for pair in _read(path)]


def _read(path: Path) -> list[Pair]:
    pairs = []
    for section in ("\n" + path.read_text(encoding="utf-8")).split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        name, _, entry = title.partition(" @ ")
        code, *bodies = f"{text}\n".split("\n---\n")
        for number, body in enumerate(bodies, start=1):
            lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
            program = Program(f"{code}\n", f"def check(candidate):\n{lines}", entry or "f")
            pairs.append(Pair(f"{path.stem}: {name} {number}", program))
    return pairs
