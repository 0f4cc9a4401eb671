"""Defines what goes into the sandbox and what comes out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

Key = TypeVar("Key")
Status = Literal[
    "passed", "failed", "timeout", "out_of_memory", "crashed", "blocked", "unsupported"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that one program may use: CPU seconds, address space, captured output, and files."""

    seconds: float = 3.0
    memory_mb: int = 1024
    output_kb: int = 64
    files_mb: int = 16


@dataclass(frozen=True, slots=True)
class Program:
    """Code to run. With ``test``, which defines ``check(candidate)``, it passes when ``check``
    accepts ``entry_point``; without, when it runs to its end without an exception."""

    code: str
    test: str = ""
    entry_point: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one program did; ``seconds`` is CPU time, ``peak_memory`` MiB of resident memory.

    ``detail`` says why it did not pass; of an ``unsupported`` one, what it or its test needs that
    the sandbox does not have. ``expected`` and ``actual`` are the two sides of the assertion that
    failed, as Python writes them, in at most 200 printable characters; they are plain text, which
    a page has to escape.
    """

    status: Status
    detail: str = ""
    seconds: float = 0.0
    peak_memory: float = 0.0
    expected: str = ""
    actual: str = ""


class Judge(Protocol):
    """Runs programs and says what each did, as ``Sandbox.judge`` of an open sandbox does.

    Yields each key with its program's verdict, in the order in which programs end; every key comes
    back once. Equal programs are run once. ``programs`` is read in another thread, a bounded way
    ahead, while verdicts are taken; an error that it raises is raised again to whoever takes them.
    """

    def __call__(
        self, programs: Iterable[tuple[Key, Program]], /
    ) -> Iterator[tuple[Key, Verdict]]: ...
