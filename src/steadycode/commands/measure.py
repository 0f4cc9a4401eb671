"""``steadycode measure``: measures a model's representation and its free text.

Each command loads a model, measures it, and shows a table.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steadycode.commands.options import MODEL
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError

if TYPE_CHECKING:
    from steadycode.models import LanguageModel
    from steadycode.project import Project

app = typer.Typer(
    help="Measure a model's representation and free text: isotropy, code search, STS, MAUVE.",
    no_args_is_help=True,
)

Model = Annotated[str, typer.Argument(help=MODEL)]
Documents = Annotated[Path, typer.Argument(help="JSON lines with text under 'content'.")]


Json = Annotated[
    Path | None,
    typer.Option("--json", help="Also write the figures to this file, by MLflow name."),
]
OnProgress = Callable[[int, int], None]


@app.command()
def representation(
    model: Model,
    documents: Documents,
    max_tokens: Annotated[int, typer.Option(min=2, help="Cut documents to so many tokens.")] = 512,
    limit: Annotated[
        int | None, typer.Option(min=2, help="Measure only so many documents, evenly spread.")
    ] = None,
    json: Json = None,
) -> None:
    """Measure held-out loss and perplexity, similarities, isotropy and uniformity."""
    with in_project() as project:
        _require_replaceable(json)
        from steadycode.measures.documents import read_documents
        from steadycode.measures.heldout import measure
        from steadycode.views.measures import show_figures

        texts = read_documents(documents, limit)
        with _loaded(project, model) as (ready, progress):
            heldout = measure(
                ready.model, ready.tokenizer, texts, max_tokens=max_tokens, on_progress=progress
            )
        figures = {"heldout/loss": heldout.loss, "heldout/perplexity": heldout.perplexity}
        figures |= {f"representation/{name}": x for name, x in heldout.representation.items()}
        show_figures(f"{model} on {len(heldout.losses)} documents", figures, json)


@app.command()
def search(
    model: Model,
    programs: Annotated[
        list[str],
        typer.Argument(
            help="A file for each language, as LANGUAGE=FILE. Its JSON lines hold the program under"
            " 'func' or 'code', its problem under 'label' and perhaps an 'index'."
        ),
    ],
    max_tokens: Annotated[int, typer.Option(min=3, help="Cut programs to so many tokens.")] = 512,
    keep_comments: Annotated[
        bool, typer.Option("--keep-comments", help="Strip neither comments nor docstrings.")
    ] = False,
    json: Json = None,
) -> None:
    """Measure code-to-code search: the mean average precision of every pair of languages."""
    with in_project() as project:
        _require_replaceable(json)
        from steadycode.contraclm.representation import code_search
        from steadycode.measures.search import languages
        from steadycode.views.measures import show_search

        files = dict(languages(programs))
        if len(files) != len(programs):
            raise ConfigError("a language is named twice; give each file a language of its own")
        with _loaded(project, model) as (ready, progress):
            maps = code_search(
                ready.model,
                ready.tokenizer,
                files,
                max_tokens=max_tokens,
                strip=not keep_comments,
                on_progress=progress,
            )
        show_search(model, list(files), maps, json)


@app.command()
def sts(
    model: Model,
    pairs: Annotated[Path, typer.Argument(help="Scored sentence pairs in the form of STS-B.")],
    json: Json = None,
) -> None:
    """Measure semantic textual similarity (STS): Spearman's correlation with people's scores."""
    with in_project() as project:
        _require_replaceable(json)
        from steadycode.measures.textual_similarity import read_pairs, spearman
        from steadycode.views.measures import show_figures

        sentences = read_pairs(pairs)
        with _loaded(project, model) as (ready, progress):
            value = spearman(ready.model, ready.tokenizer, sentences, on_progress=progress)
        title = f"{model} on {len(sentences)} pairs"
        show_figures(title, {"representation/sts_spearman": value}, json)


@app.command()
def text(
    model: Model,
    documents: Documents,
    scorer: Annotated[
        str | None, typer.Option(help="The model by which the perplexity of texts is measured.")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="The model that makes the features which MAUVE compares.")
    ] = None,
    prefix_tokens: Annotated[
        int, typer.Option(min=1, help="Give the model so many tokens of each document to continue.")
    ] = 32,
    new_tokens: Annotated[int, typer.Option(min=1, help="Write so many tokens after each.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the sampling.")] = 0,
    json: Json = None,
) -> None:
    """Let a model continue documents; measure the texts' perplexity, and MAUVE against people's."""
    with in_project() as project:
        _require_replaceable(json)
        from steadycode.measures.continuations import continued, mauve, perplexity
        from steadycode.measures.documents import read_documents
        from steadycode.views.measures import show_figures

        if scorer is None and features is None:
            raise ConfigError(
                "name a model that judges: --scorer for perplexity, --features for MAUVE"
            )
        texts = read_documents(documents)
        with _loaded(project, model) as (ready, progress):
            written = continued(
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
                for whose, tails in (("model", written.model), ("people", written.people)):
                    figures[f"text/perplexity_{whose}"] = perplexity(
                        judge.model, judge.tokenizer, written.prefixes, tails
                    )
        if features is not None:
            with _loaded(project, features) as (judge, _):
                figures["text/mauve"] = mauve(
                    judge.model, judge.tokenizer, written.people, written.model, seed
                )
        show_figures(f"{model}, {len(written.model)} continuations", figures, json)


def _require_replaceable(json: Path | None) -> None:
    """Raise ConfigError when the file ``json`` is there and holds something else than figures."""
    if json is None or not json.exists():
        return
    try:
        figures = loads(json.read_text(encoding="utf-8"))
        ours = all(value is None or isinstance(value, float | int) for value in figures.values())
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        raise ConfigError(f"{json} is there and holds no figures; name another file")


@contextmanager
def _loaded(project: "Project", model: str) -> "Iterator[tuple[LanguageModel, OnProgress]]":
    """Yield the model, in float32 since models differ by little, and what shows progress."""
    from rich.console import Console

    from steadycode.threads import keep_to_quota

    keep_to_quota()

    from steadycode.config import Config
    from steadycode.models import load, pick_device
    from steadycode.registry.store import open_store
    from steadycode.retraining.preflight import resolve_model
    from steadycode.views.console import StageView, aside

    console = Console()
    folder = resolve_model(
        project,
        model,
        lambda: open_store(project, Config().experiment),
        aside(console),
    )
    with StageView(console, 1).stage(f"measure {model}") as view:
        yield load(folder, "float32", pick_device()), partial(view.progress, "measure")
