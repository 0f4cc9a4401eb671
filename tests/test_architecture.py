"""The house as docs/architecture.md describes it, drawn from the imports themselves.

Every import counts, also one inside a function or under TYPE_CHECKING.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from steadycode.stages import evaluate, train

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = REPOSITORY / "src" / "steadycode"

FLOORS = (
    *("commands", "flows", "operations", "retraining", "views", "registry", "gate", "stages"),
    *("evidence", "recode", "contraclm", "measures", "generation", "corpus", "problems", "models"),
    *("jobs", "sandbox", "ground"),
)
"""From the top down: a room may know those below it, never one above."""
STRANGERS = {
    "corpus": {"contraclm", "recode"},
    "contraclm": {"corpus", "recode"},
    "recode": {"corpus", "contraclm"},
    "generation": {"recode"},
    "sandbox": {"recode"},
}
"""Rooms that must not know one another, whatever their floors."""
OWNERS = {
    "mlflow": {"registry"},
    "great_expectations": {"corpus.validation"},
    "prefect": {"flows", "operations"},
}
"""Who alone may import a library: rooms, or single files."""


def module_of(path: Path) -> str:
    """``steadycode.recode.benchmark`` or ``flows.retrain``."""
    root = SOURCES.parent if path.is_relative_to(SOURCES) else REPOSITORY
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_of(path): path for path in [*SOURCES.rglob("*.py"), *(REPOSITORY / "flows").glob("*.py")]
}


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file names in an import, and the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in FILES else str(node.module)), node.lineno


IMPORTS = {
    module: [(name, line) for name, line in imported(path) if name in FILES and name != module]
    for module, path in FILES.items()
}


def room_of(module: str) -> str:
    first, _, rest = module.partition(".")
    if first == "flows":
        return "flows"
    room = rest.partition(".")[0]
    return room if room in FLOORS else "ground"


def place(module: str, line: int) -> str:
    return f"{FILES[module].relative_to(REPOSITORY)}:{line}"


def test_every_room_has_a_floor() -> None:
    folders = {path.parent.name for path in SOURCES.glob("*/*.py")}
    assert folders <= set(FLOORS)
    assert {room_of(module) for module in FILES} == set(FLOORS)


def test_no_room_knows_one_above_it() -> None:
    climbing = [
        f"{place(module, line)} imports {name}"
        for module, names in IMPORTS.items()
        for name, line in names
        if FLOORS.index(room_of(name)) < FLOORS.index(room_of(module))
    ]
    assert climbing == []


def test_strangers_stay_strangers() -> None:
    met = [
        f"{place(module, line)} imports {name}"
        for module, names in IMPORTS.items()
        for name, line in names
        if room_of(name) in STRANGERS.get(room_of(module), set())
    ]
    assert met == []


def test_there_is_no_circle() -> None:
    graph = {module: {name for name, _ in names} for module, names in IMPORTS.items()}
    settled: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in settled:
            for name in sorted(graph[module]):
                walk(name, (*way, module))
            settled.add(module)

    for module in sorted(graph):
        walk(module, ())
    assert settled == set(FILES)


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_owner(library: str) -> None:
    found = {
        module: line
        for module, path in FILES.items()
        for name, line in imported(path)
        if name.partition(".")[0] == library
    }
    assert found, f"nobody imports {library}"
    others = [
        place(module, line)
        for module, line in found.items()
        if room_of(module) not in OWNERS[library]
        and module.removeprefix("steadycode.") not in OWNERS[library]
    ]
    assert others == []


def test_the_walks_name_functions_that_there_are() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    walks = page.partition("## Four walks")[2].partition("\n## ")[0]
    names = [span for span in re.findall(r"`([\w.]+)`", walks) if "/" not in span]
    assert len(names) > 40
    for name in names:
        module, _, definition = name.rpartition(".")
        tree = ast.parse(FILES[f"steadycode.{module}"].read_text(encoding="utf-8"))
        kinds = (ast.FunctionDef, ast.ClassDef)
        assert definition in {n.name for n in tree.body if isinstance(n, kinds)}, name


def test_dvc_is_run_in_one_place() -> None:
    """As a command of its own: what it imports and keeps in memory is then not ours."""
    naming = {
        module.removeprefix("steadycode.")
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == "dvc"
    }
    assert naming == {"corpus.versions"}


def reached(start: str) -> set[str]:
    """Every module of ours that importing ``start``, and whatever it calls, may load."""
    known, waiting = {start}, [start]
    while waiting:
        for name, _ in IMPORTS[waiting.pop()]:
            if name not in known:
                known.add(name)
                waiting.append(name)
    return known


def test_a_training_loads_neither_perturbations_nor_the_sandbox() -> None:
    rooms = {room_of(module) for module in reached("steadycode.stages.train")}
    assert rooms == {"stages", "contraclm", "measures", "models", "jobs", "ground"}


def test_recode_opens_neither_an_engine_nor_a_sandbox() -> None:
    contracts = {
        "steadycode.generation.contract",
        "steadycode.sandbox.contract",
    }
    opened = [
        f"{place(module, line)} imports {name}"
        for module, names in IMPORTS.items()
        if room_of(module) == "recode"
        for name, line in names
        if room_of(name) in ("generation", "sandbox") and name not in contracts
    ]
    assert opened == []


def covered(module: str, parts: tuple[str, ...]) -> bool:
    name = module.removeprefix("steadycode.").replace(".", "/")
    return any(name == part or name.startswith(f"{part}/") for part in parts)


def test_a_training_is_identified_by_every_source_that_it_runs_through() -> None:
    missing = [
        module
        for module in sorted(reached("steadycode.stages.train"))
        if not covered(module, train.SOURCES.parts)
    ]
    assert missing == []


def test_evidence_depends_on_what_decides_a_verdict_and_on_nothing_else() -> None:
    carriers = {
        *("jobs", "addresses", "errors", "locks", "places", "processes", "project", "records",
          "spelling", "temporaries", "threads", "wheels"),
    }  # fmt: skip
    """They move files, say what went wrong and how threads wait; no figure depends on them."""
    run_through = {
        module
        for module in reached("steadycode.stages.evaluate")
        if module.removeprefix("steadycode.").partition(".")[0] not in carriers
    }
    assert {
        module for module in run_through if not covered(module, evaluate.SOURCES.parts)
    } == set()
    for outsider in ("contraclm.trainer", "views.tables", "stages.train", "gate.rules"):
        assert not covered(f"steadycode.{outsider}", evaluate.SOURCES.parts)


def test_the_gate_loads_neither_mlflow_nor_torch() -> None:
    modules = reached("steadycode.gate.decide")
    heavy = {
        f"{place(module, line)} imports {name}"
        for module in modules
        for name, line in imported(FILES[module])
        if name.partition(".")[0] in ("mlflow", "torch", "transformers")
    }
    assert heavy == set()


def test_paths_below_the_work_folder_are_spelt_in_one_file() -> None:
    spelt = [
        place(module, node.lineno)
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "work"
        and ast.unparse(node.value).rpartition(".")[2] in ("project", "self")
        and module not in ("steadycode.project", "steadycode.operations.interrupted")
    ]
    assert spelt == []
