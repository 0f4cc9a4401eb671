"""Perturbations that people meet and the published benchmark lacks. Style sound only."""

from dataclasses import dataclass

from steadycode.recode.perturbations import comments, docstring_style, signature, wording
from steadycode.recode.perturbations.parameter_name import parameter_renamed
from steadycode.recode.variant import Group, Perturbation


@dataclass(frozen=True, slots=True)
class Ours:
    """``why``: where people write so."""

    apply: Perturbation
    why: str
    random: bool = False


_DOCSTRING = {
    "ArticlesDropped": Ours(
        wording.articles_dropped,
        "notes in a hurry, ticket titles, and writers whose language has no articles",
    ),
    "DocstringGoogleStyle": Ours(
        docstring_style.STYLES["DocstringGoogleStyle"],
        "the Args and Returns sections that editors insert and Google's style guide asks for",
    ),
    "DocstringNumpyStyle": Ours(
        docstring_style.STYLES["DocstringNumpyStyle"],
        "the underlined sections of scientific Python",
    ),
    "DocstringRestStyle": Ours(
        docstring_style.STYLES["DocstringRestStyle"],
        "the :param: fields that Sphinx reads and editors insert by default",
    ),
    "ExamplesInProse": Ours(
        wording.examples_in_prose,
        "people tell an assistant what a call returns; few paste an interpreter session",
    ),
    "NamesInBackticks": Ours(
        wording.backticked_names,
        "Markdown has become the usual way to write of code in issues, chats and docstrings",
    ),
    "PoliteRequest": Ours(
        wording.polite_request,
        "requests to assistants are often polite, and are pasted into docstrings as they are",
    ),
}
_SYNTAX = {
    "ParameterRenamed": Ours(
        parameter_renamed, "every team has its own habits: n or num, lst or items, s or text"
    ),
    "TypeHintsModernised": Ours(
        signature.type_hints_modernised,
        "list[int] and X | None since Python 3.10; linters rewrite the older forms",
    ),
    "TypeHintsRemoved": Ours(
        signature.type_hints_removed, "scripts, notebooks and older code have no annotations"
    ),
}
_FORMAT = {
    "docstring_above": Ours(
        comments.docstring_above,
        "comments above the function, by those who come from other languages",
    ),
    "docstring_quotes": Ours(
        comments.other_quotes, "both kinds of quotes are in use; formatters change them"
    ),
    "one_parameter_per_line": Ours(
        signature.one_parameter_per_line,
        "formatters break a signature so wherever its last comma is kept",
    ),
    "todo_comment": Ours(
        comments.remark, "half-done code carries remarks that tell nothing of the task", random=True
    ),
}

RULES: dict[Group, dict[str, Ours]] = {
    "docstring": _DOCSTRING,
    "syntax": _SYNTAX,
    "format": _FORMAT,
}
"""Group -> name -> rule."""
