"""The result of a validation, as it is logged, sent to MLflow and shown as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steadycode.errors import DataError
from steadycode.records import read_record, write_record

SCHEMA = 1

REMEDY = "mend the source or the recipe, then `steadycode data build --force` and `dvc add data`"

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one rule.

    ``failures`` counts rows and ``rows`` names the first 20 of them; both are empty when the rule
    is about the data as a whole, which ``detail`` then describes. ``error`` is set when the check
    itself could not be run, which says nothing about the data.
    """

    name: str
    description: str
    severity: Severity
    ok: bool
    failures: int = 0
    rows: tuple[str, ...] = ()
    detail: str = ""
    error: str = ""

    @property
    def finding(self) -> str:
        """The outcome in a few words; empty when there is nothing to say."""
        if self.error:
            return f"could not be run: {self.error}"
        if self.detail or not self.failures:
            return self.detail
        return f"{self.failures} row{'s' if self.failures > 1 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """The outcomes of all checks. ``ok`` when every critical one passed; ``data_md5`` is DVC's md5
    of the data that was read."""

    ok: bool
    rows: int
    splits: Mapping[str, int]
    """Lines in each split file."""
    checks: tuple[Check, ...]
    data_md5: str
    gx_version: str

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.ok)

    def summary_line(self) -> str:
        verdict = "fit to train on" if self.ok else "NOT fit to train on"
        passed = len(self.checks) - len(self.failed)
        line = f"data {verdict}: {self.rows} rows, {passed} of {len(self.checks)} checks passed"
        failed = "; ".join(f"{check.name}: {check.finding}" for check in self.failed)
        return f"{line} ({failed})" if failed else line

    def write(self, path: Path) -> None:
        write_record(path, self, SCHEMA)

    @classmethod
    def read(cls, path: Path) -> "ValidationResult":
        """Raises DataError when the file is missing, damaged or of another version."""
        return read_record(path, cls, SCHEMA, DataError, "validate again")


def require_valid(result: ValidationResult, remedy: str = REMEDY) -> None:
    """Raises DataError, naming every failed critical check with its first rows, if there is one."""
    failed = [check for check in result.failed if check.severity == "critical"]
    if not failed:
        return
    if any(check.error for check in failed):  # says nothing about the data
        raise DataError(f"the data could not be judged: {'; '.join(map(_fault, failed))}")
    raise DataError(f"the data is not fit to train on: {'; '.join(map(_fault, failed))}; {remedy}")


def _fault(check: Check) -> str:
    named = ", ".join(check.rows[:3]) + (", …" if check.failures > 3 else "")
    return f"{check.name} ({check.description}): {check.finding}{f' [{named}]' if named else ''}"
