"""What goes into the sandbox and what comes out."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "timeout", "out_of_memory", "crashed", "blocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one program: CPU seconds, address space, captured output, bytes in files."""

    seconds: float = 3.0
    memory_mb: int = 1024
    output_kb: int = 64
    files_mb: int = 16


@dataclass(frozen=True, slots=True)
class Program:
    """Code to run. With ``test`` (defines ``check(candidate)``) it passes when ``check`` accepts
    ``entry_point``; without, when it runs to its end without an exception."""

    code: str
    test: str = ""
    entry_point: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one program did. ``seconds`` is CPU time, ``peak_memory`` MiB of resident memory."""

    status: Status
    detail: str = ""
    seconds: float = 0.0
    peak_memory: float = 0.0
