"""``steadycode measure``: what a model's representation and its free text are worth."""

from pathlib import Path
from typing import Annotated

import typer

from steadycode.commands.project import in_project

measure_app = typer.Typer(
    help="A model's representation and free text: isotropy, code search, STS, MAUVE.",
    no_args_is_help=True,
)

Model = Annotated[
    str, typer.Argument(help="Base-model name, folder, models:/NAME@ALIAS or hub id.")
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also write the figures, by MLflow name.")
]


@measure_app.command("representation")
def representation(
    model: Model,
    documents: Annotated[Path, typer.Argument(help="JSON lines with text under content.")],
    max_tokens: Annotated[int, typer.Option(min=2, help="Of each document.")] = 512,
    limit: Annotated[int | None, typer.Option(min=2, help="So many, evenly spread.")] = None,
    json: Json = None,
) -> None:
    """Held-out perplexity, similarities, isotropy and uniformity."""
    with in_project() as project:
        from steadycode.commands.measuring import measure_representation

        measure_representation(project, model, documents, max_tokens, limit, json)


@measure_app.command("search")
def search(
    model: Model,
    programs: Annotated[
        list[str], typer.Argument(help="LANGUAGE=FILE, JSON lines of func or code, label, index.")
    ],
    max_tokens: Annotated[int, typer.Option(min=3, help="Of each program.")] = 512,
    keep_comments: Annotated[
        bool, typer.Option("--keep-comments", help="Strip neither comments nor docstrings.")
    ] = False,
    json: Json = None,
) -> None:
    """Code-to-code search: mean average precision of every pair of languages."""
    with in_project() as project:
        from steadycode.commands.measuring import measure_search

        measure_search(project, model, programs, max_tokens, not keep_comments, json)


@measure_app.command("sts")
def sts(
    model: Model,
    pairs: Annotated[Path, typer.Argument(help="A file in the form of STS-B.")],
    json: Json = None,
) -> None:
    """Semantic textual similarity: Spearman's correlation with people's scores."""
    with in_project() as project:
        from steadycode.commands.measuring import measure_sts

        measure_sts(project, model, pairs, json)


@measure_app.command("text")
def text(
    model: Model,
    documents: Annotated[Path, typer.Argument(help="JSON lines with text under content.")],
    scorer: Annotated[
        str | None, typer.Option(help="The model whose perplexity of the texts is taken.")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="The model that makes MAUVE's features.")
    ] = None,
    prefix_tokens: Annotated[int, typer.Option(min=1)] = 32,
    new_tokens: Annotated[int, typer.Option(min=1)] = 128,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json: Json = None,
) -> None:
    """Continuations of documents: their perplexity, and MAUVE against the documents' own."""
    with in_project() as project:
        from steadycode.commands.measuring import measure_text

        measure_text(
            project, model, documents, scorer, features, prefix_tokens, new_tokens, seed, json
        )
