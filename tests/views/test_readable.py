"""Every table that a command prints, at the widths of terminals and pipes: no name is cut."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console
from rich.table import Table

from steadycode.corpus.left_out import REASONS, Files, LeftOut
from steadycode.corpus.lock import Lock
from steadycode.corpus.validation_result import Check, ValidationResult
from steadycode.gate.decide import decide
from steadycode.gate.policy import Policy
from steadycode.gate.rules import Facts
from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS, build_benchmark
from steadycode.recode.report import Figure
from steadycode.registry.retention import Item
from steadycode.sandbox import Verdict
from steadycode.sandbox.probes import PROBES, Isolation
from steadycode.views.isolation import show_isolation
from steadycode.views.measures import show_figures, show_search
from steadycode.views.perturbations import perturbations_table, show_benchmark
from steadycode.views.readable import Readable, figure, name
from steadycode.views.removal import relocation_table, show_removal
from steadycode.views.sources import sources_table
from steadycode.views.tables import comparison_table, evidence_table, rules_table, terminal_table
from steadycode.views.validation import validation_table
from tests.builders.evidence import evidence
from tests.builders.terminal import cells, printed

PROBLEM = Problem(
    task_id="a/1",
    prompt='def double(number):\n    """Double the given number."""\n',
    entry_point="double",
    canonical_solution="    result = number * 2\n    return result\n",
    test="def check(candidate):\n    assert candidate(1) == 2\n",
)
FIGURES = [
    f"recode/{info.group}/{key}/robust_pass_of_some_at_1" for key, info in PERTURBATIONS.items()
]
GROUPS = [f"recode/{group}/robust_pass_at_1" for group in ("full", "function_name", "docstring")]
RATE = Figure(value=0.5, low=0.41, high=0.596, n=164, left_out=12)
PLAIN = evidence("1" * 164, figures=dict.fromkeys((*GROUPS, *FIGURES), RATE))
LANGUAGES = ["python", "javascript", "typescript", "java", "go", "cpp", "rust", "ruby"]
PATH = "a_package_with_a_long_name/and_a_folder/test_of_something.py"
WEIGHTS = [f"models:/steadycode-codegen-350m-mono-{number}/{number}" for number in (7, 12)]

Show = Callable[[Console], None]


def shown(renderable: object) -> Show:
    return lambda console: console.print(renderable)


def rules() -> tuple[Readable, list[str]]:
    facts = Facts(retraining="abc", attempt=1, data_valid=True)
    decision = decide(PLAIN, replace(PLAIN, model_fingerprint="f" * 64), Policy(), facts)
    return rules_table(decision), [rule.name for rule in decision.rules]


def left_out() -> Readable:
    left = {key: LeftOut(files=1234567, parts=12345, first=(PATH,)) for key in REASONS}
    files = Files(seen=9, taken=1)
    return sources_table(
        Lock(schema=1, recipe="", md5="", rows={}, sources={}, left_out=left, files=files)
    )


def validation() -> tuple[Readable, list[str]]:
    names = ["share_of_files_with_a_known_licence", "no_credentials", "near_duplicates_of_problems"]
    checks = tuple(
        Check(name=key, description="", severity="critical", ok=False, detail=f"{PATH}: " * 3)
        for key in names
    )
    result = ValidationResult(
        ok=False, rows=5, splits={}, checks=checks, data_md5="", gx_version=""
    )
    return validation_table(result), names


def held() -> Isolation:
    return Isolation(tuple((p, Verdict(status="blocked", detail=PATH)) for p in PROBES), {})


TABLES: dict[str, tuple[Show, list[str]]] = {
    "compare": (
        shown(terminal_table(comparison_table(PLAIN, PLAIN), "a model")),
        [row.label for row in comparison_table(PLAIN, PLAIN)],
    ),
    "rules": (shown(rules()[0]), rules()[1]),
    "evaluate": (shown(evidence_table(PLAIN, "a model")), [*GROUPS, *FIGURES]),
    "perturb list": (shown(perturbations_table()), list(PERTURBATIONS)),
    "perturb build": (
        lambda console: show_benchmark(build_benchmark([PROBLEM]), console, {}),
        list(build_benchmark([PROBLEM]).perturbations),
    ),
    "measure": (
        lambda console: show_figures("a model", dict.fromkeys(FIGURES, 0.5), None), FIGURES,
    ),
    "measure search": (
        lambda console: show_search(
            "a model", LANGUAGES, {(a, b): 12.345 for a in LANGUAGES for b in LANGUAGES}, None
        ),
        LANGUAGES,
    ),
    "gc": (
        lambda console: show_removal(
            [Item(kind="weights", what=what, paths=(), bytes=5 << 30) for what in WEIGHTS],
            [], "", True,
        ),
        WEIGHTS,
    ),
    "relocate": (
        shown(relocation_table({"logged models of registered versions": 12_345})),
        ["logged models of registered versions"],
    ),
    "sandbox": (lambda console: show_isolation(held()) and None, [p.promise for p in PROBES]),
    "data build": (shown(left_out()), [*REASONS.values(), PATH]),
    "data validate": (shown(validation()[0]), validation()[1]),
}  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("key", TABLES)
def test_names_are_whole(
    key: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))  # what a pipe goes by
    show, names = TABLES[key]
    show(Console(width=width, _environ={}))
    lines = capsys.readouterr().out.splitlines()
    assert names
    assert max(map(len, lines)) <= width
    cut = [line for line in lines if "…" in line.replace(", …", "")]
    assert cut == []
    text = "".join(lines)
    for each in names:
        if len(each) < width - 4:
            assert any(each in line for line in lines), each
        else:  # longer than the line: it goes on in the next
            assert each.replace(" ", "") in text.replace(" ", ""), each


def test_a_table_that_fits_stays_a_table() -> None:
    table = Table(name("figure"), figure("value"), "why")
    table.add_row("loss", "0.5", "of the held-out part, which no training has seen")
    wide = cells(printed(Readable(table), width=60))
    assert wide[1][:2] == ["loss", "0.5"]
    assert printed(Readable(table), width=30) == [
        "loss",
        "    value 0.5, why of the",
        "    held-out part, which no",
        "    training has seen",
    ]


def test_empty_cells_are_not_told_and_markup_is_not_read() -> None:
    from rich.text import Text

    table = Table(name("what"), figure("n"), figure("left out"), title="t", caption=Text("[b]"))
    table.add_row(Text("[red]" * 8), "", "3")
    assert printed(Readable(table), width=42) == ["t", "[red]" * 8, "    left out 3", "[b]"]
