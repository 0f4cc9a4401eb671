"""The bodies of ``steadycode measure``: load a model, measure, show a table."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from steadycode.config import Config
from steadycode.console import StageView
from steadycode.errors import ConfigError
from steadycode.files import write_json
from steadycode.models import LanguageModel, load, pick_device
from steadycode.project import Project
from steadycode.stages.context import resolve_model

OnProgress = Callable[[int, int], None]


def measure_representation(
    project: Project,
    model: str,
    documents: Path,
    max_tokens: int,
    limit: int | None,
    json: Path | None,
) -> None:
    from steadycode.contraclm.data import read_documents
    from steadycode.contraclm.heldout import measure

    texts = read_documents(documents, limit)
    with _loaded(project, model) as (ready, progress):
        found = measure(
            ready.model,
            ready.tokenizer,
            texts,
            max_tokens=max_tokens,
            on_progress=progress,
        )
    figures = {"heldout/loss": found.loss, "heldout/perplexity": found.perplexity}
    figures |= {f"representation/{name}": value for name, value in found.representation.items()}
    _show(f"{model} on {len(found.losses)} documents", figures, json)


def measure_search(
    project: Project,
    model: str,
    programs: list[str],
    max_tokens: int,
    strip: bool,
    json: Path | None,
) -> None:
    from steadycode.contraclm import search
    from steadycode.contraclm.representation import code_search

    files = dict(search.languages(programs))
    if len(files) != len(programs):
        raise ConfigError("a language is named twice; give each file a language of its own")
    with _loaded(project, model) as (ready, progress):
        maps = code_search(
            ready.model,
            ready.tokenizer,
            files,
            max_tokens=max_tokens,
            strip=strip,
            on_progress=progress,
        )
    table = Table("queries", *(f"in {name}" for name in files), title=f"{model}: MAP, %")
    for query in files:
        values = [maps[query, candidate] for candidate in files]
        table.add_row(query, *("-" if math.isnan(value) else f"{value:.2f}" for value in values))
    console = Console()
    console.print(table)
    console.print(f"overall, the mean of all pairs with a hit: {search.overall(maps):.2f}")
    _write(search.metrics(maps), json)


def measure_sts(project: Project, model: str, pairs: Path, json: Path | None) -> None:
    from steadycode.contraclm.textual_similarity import read_pairs, spearman

    given = read_pairs(pairs)
    with _loaded(project, model) as (ready, progress):
        value = spearman(ready.model, ready.tokenizer, given, on_progress=progress)
    _show(f"{model} on {len(given)} pairs", {"representation/sts_spearman": value}, json)


def measure_text(
    project: Project,
    model: str,
    documents: Path,
    scorer: str | None,
    features: str | None,
    prefix_tokens: int,
    new_tokens: int,
    seed: int,
    json: Path | None,
) -> None:
    from steadycode.contraclm.continuations import continued, mauve, perplexity
    from steadycode.contraclm.data import read_documents

    if scorer is None and features is None:
        raise ConfigError("name a model that judges: --scorer for perplexity, --features for MAUVE")
    texts = read_documents(documents)
    with _loaded(project, model) as (ready, progress):
        found = continued(
            ready.model,
            ready.tokenizer,
            texts,
            prefix_tokens=prefix_tokens,
            new_tokens=new_tokens,
            seed=seed,
            on_progress=progress,
        )
    figures = {}
    if scorer is not None:
        with _loaded(project, scorer) as (judge, _):
            for whose, written in (("model", found.model), ("people", found.people)):
                value = perplexity(judge.model, judge.tokenizer, found.prefixes, written)
                figures[f"text/perplexity_{whose}"] = value
    if features is not None:
        with _loaded(project, features) as (judge, _):
            figures["text/mauve"] = mauve(
                judge.model, judge.tokenizer, found.people, found.model, seed
            )
    _show(f"{model}, {len(found.model)} continuations", figures, json)


@contextmanager
def _loaded(project: Project, model: str) -> Iterator[tuple[LanguageModel, OnProgress]]:
    """In float32: differences between models are small."""
    console = Console()
    folder = resolve_model(project, Config(), model, console)
    with StageView(console, 1).stage(f"measure {model}") as view:
        yield load(folder, "float32", pick_device()), partial(view.progress, "measure")


def _show(title: str, figures: Mapping[str, float], json: Path | None) -> None:
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
    _write(figures, json)


def _write(figures: Mapping[str, float], json: Path | None) -> None:
    if json is not None:
        write_json(json, dict(figures))
