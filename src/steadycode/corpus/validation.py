"""Judges whether the data is fit to train on, by rules that Great Expectations checks read-only."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steadycode.config import DataConfig
from steadycode.corpus.facts import Facts, read_facts
from steadycode.corpus.fingerprint import folder_md5
from steadycode.corpus.recipe import SPLITS
from steadycode.corpus.validation_result import Check, Severity, ValidationResult, require_valid

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Check", "ValidationResult", "require_valid", "validate"]

NAMED_ROWS = 20

# Only row names come back: by default a result quotes the values that failed, secrets included.
_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["row"],
    "exclude_unexpected_values": True,
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """One expectation of Great Expectations, and what it means to the reader."""

    name: str
    description: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity = "critical"


def validate(data_folder: Path, bounds: DataConfig) -> ValidationResult:
    """Check every row of the split files in ``data_folder``.

    Bad data is a result, not an exception. Raises DataError when there is no such folder.
    """
    import great_expectations

    md5 = folder_md5(data_folder)
    facts = read_facts(data_folder)
    rules = _rules(bounds)
    outcomes = _run(rules, _frame(facts))
    counts: dict[str, int] = {split: sum(fact.split == split for fact in facts) for split in SPLITS}
    checks = tuple(_check(rule, outcomes[rule.name], counts) for rule in rules)
    return ValidationResult(
        ok=all(check.ok for check in checks if check.severity == "critical"),
        rows=len(facts),
        splits=counts,
        checks=checks,
        data_md5=md5,
        gx_version=great_expectations.__version__,
    )


def _rules(bounds: DataConfig) -> list[_Rule]:
    shortest, longest = bounds.min_characters, bounds.max_characters
    return [
        _Rule(
            "row_count",
            f"at least {bounds.min_rows} rows in all",
            "ExpectTableRowCountToBeBetween",
            {"min_value": bounds.min_rows},
        ),
        _Rule(
            "splits",
            "train, valid and test each have rows",
            "ExpectColumnDistinctValuesToContainSet",
            {"column": "split", "value_set": list(SPLITS)},
        ),
        _holds("json", "every line is a JSON object", "is_json_object"),
        _holds("schema", "every field is there and is text", "has_schema"),
        _holds("nulls", "no field is null", "has_no_null"),
        _Rule(
            "unique",
            "no content occurs twice, in any split",
            "ExpectColumnValuesToBeUnique",
            {"column": "content_sha256"},
        ),
        _holds("hash", "sha256 is that of the content", "hash_matches"),
        _holds("parses", "the content is Python", "parses"),
        _Rule(
            "length",
            f"between {shortest:,} and {longest:,} characters",
            "ExpectColumnValuesToBeBetween",
            {"column": "characters", "min_value": shortest, "max_value": longest},
        ),
        _Rule(
            "licence",
            f"the licence is one of {', '.join(bounds.allowed_licences)}",
            "ExpectColumnValuesToBeInSet",
            {"column": "licence", "value_set": list(bounds.allowed_licences)},
        ),
        _holds("one_split", "no file has rows in two splits", "in_one_split"),
        _holds("credentials", "nothing looks like a key", "has_no_credential", "warning"),
    ]


def _holds(name: str, description: str, fact: str, severity: Severity = "critical") -> _Rule:
    arguments = {"column": fact, "value_set": [True]}
    return _Rule(name, description, "ExpectColumnValuesToBeInSet", arguments, severity)


def _frame(facts: list[Facts]) -> "DataFrame":
    import pandas

    columns = [field.name for field in fields(Facts)]
    # dtype object, or a column of booleans and None would change its type with the data
    return pandas.DataFrame([asdict(fact) for fact in facts], columns=columns, dtype=object)


def _run(rules: list[_Rule], frame: "DataFrame") -> dict[str, Any]:
    """Rule name -> result of its expectation; Great Expectations changes their order."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    expectations = [
        getattr(gx.expectations, rule.expectation)(
            **rule.arguments, severity=rule.severity, meta={"rule": rule.name}
        )
        for rule in rules
    ]
    asset = context.data_sources.add_pandas("corpus").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name="corpus", expectations=expectations))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name="corpus", data=batch, suite=suite)
    )
    outcome = definition.run(
        batch_parameters={"dataframe": frame}, result_format=dict(_RESULT_FORMAT)
    )
    return {result.expectation_config.meta["rule"]: result for result in outcome.results}


def _check(rule: _Rule, outcome: Any, counts: Mapping[str, int]) -> Check:
    rows = [
        str(name)
        for group in outcome.result.get("unexpected_index_list") or []
        for name in group["row"]
    ]
    detail = ""
    if rule.name == "row_count":
        detail = f"{sum(counts.values())} rows"
    elif rule.name == "splits" and not outcome.success:
        detail = f"no rows in {', '.join(name for name in SPLITS if not counts[name])}"
    return Check(
        name=rule.name,
        description=rule.description,
        severity=rule.severity,
        ok=bool(outcome.success),
        failures=int(outcome.result.get("unexpected_count") or 0),
        rows=tuple(rows[:NAMED_ROWS]),
        detail=detail,
        error=_raised(outcome.exception_info),
    )


def _raised(info: Mapping[str, Any]) -> str:
    """The message of an exception inside the expectation; empty when there was none.

    Great Expectations gives either one record or a record per metric.
    """
    records = [info] if "raised_exception" in info else list(info.values())
    for record in records:
        if record.get("raised_exception"):
            return " ".join(str(record.get("exception_message")).split()) or "unknown error"
    return ""
