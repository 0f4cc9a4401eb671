"""Every perturbation there is, a row each."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType

from steadycode.recode.language.synonyms import name_synonyms
from steadycode.recode.perturbations import (
    characters,
    comments,
    dead_code,
    docstring,
    docstring_style,
    english,
    format,
    function_name,
    line_break,
    loops,
    operands,
    parameter_name,
    phrases,
    renaming,
    signature,
    tense,
    wording,
)
from steadycode.recode.published import docstring as published_docstring
from steadycode.recode.published import format as published_format
from steadycode.recode.published import function_name as published_name
from steadycode.recode.published import syntax as published_syntax
from steadycode.recode.published import tense as published_tense
from steadycode.recode.published import words as published_words
from steadycode.recode.published.docstring import in_docstring
from steadycode.recode.published.function_name import in_name, in_name_words
from steadycode.recode.variant import Group, Kind, Mode, PluginName, Rule, Style, mode_of


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What is known about a perturbation, and its rule in each style.

    ``kind`` says whether people write so. Each seed makes another variant of a ``random`` one.
    ``needs`` names the plug-ins that it uses.
    ``published`` is its rule in the published benchmark; a perturbation that is not in there has
    None, and says in ``why`` where people write so. That text is empty for the published ones.
    """

    name: str
    group: Group
    _: KW_ONLY
    kind: Kind = "natural"
    random: bool = False
    needs: tuple[PluginName, ...] = ()
    why: str = ""
    sound: Rule
    published: Rule | None = None

    @property
    def mode(self) -> Mode:
        """Which nominal prompt it starts from: the problem's own, or that of ``partial``."""
        return mode_of(self.group)

    def rule(self, style: Style) -> Rule | None:
        """Returns its rule in a style, or None when the style does not have it."""
        return self.sound if style == "sound" else self.published


_DOCSTRING = (
    Perturbation("BackTranslation", "docstring", needs=("translate",),
                 sound=docstring.translate, published=published_words.translate),
    Perturbation("ButterFingersPerturbation", "docstring", random=True,
                 sound=docstring.slips(characters.press_neighbours),
                 published=in_docstring(published_docstring.press_neighbours)),
    Perturbation("ChangeCharCase", "docstring", kind="stress", random=True,
                 sound=docstring.slips(characters.change_case),
                 published=in_docstring(published_docstring.change_case)),
    Perturbation("EnglishInflectionalVariation", "docstring", random=True,
                 sound=english.inflect, published=in_docstring(published_words.inflected)),
    Perturbation("SwapCharactersPerturbation", "docstring", random=True,
                 sound=docstring.slips(characters.swap_neighbours),
                 published=in_docstring(published_docstring.swap_neighbours)),
    Perturbation("SynonymInsertion", "docstring", kind="stress", random=True,
                 sound=phrases.insert, published=in_docstring(published_words.inserted)),
    Perturbation("SynonymSubstitution", "docstring", random=True,
                 sound=phrases.substitute, published=in_docstring(published_words.substituted)),
    Perturbation("TenseTransformationFuture", "docstring", kind="stress",
                 sound=tense.future, published=in_docstring(published_tense.future)),
    Perturbation("TenseTransformationPast", "docstring", kind="stress",
                 sound=tense.past, published=in_docstring(published_tense.past)),
    Perturbation("WhitespacePerturbation", "docstring", random=True,
                 sound=docstring.change_blanks,
                 published=in_docstring(published_docstring.change_blanks, protect=False)),
    Perturbation("ArticlesDropped", "docstring", sound=wording.drop_articles,
                 why="notes in a hurry, ticket titles, and writers whose language has no articles"),
    Perturbation("DocstringGoogleStyle", "docstring",
                 sound=docstring_style.add(docstring_style.google),
                 why="the Args and Returns sections that editors insert and Google's style guide"
                 " asks for"),
    Perturbation("DocstringNumpyStyle", "docstring",
                 sound=docstring_style.add(docstring_style.numpy),
                 why="the underlined sections of scientific Python"),
    Perturbation("DocstringRestStyle", "docstring",
                 sound=docstring_style.add(docstring_style.rest),
                 why="the :param: fields that Sphinx reads and editors insert by default"),
    Perturbation("ExamplesInProse", "docstring", sound=wording.examples_in_prose,
                 why="people tell an assistant what a call returns; few paste an interpreter"
                 " session"),
    Perturbation("NamesInBackticks", "docstring", sound=wording.names_in_backticks,
                 why="Markdown has become the usual way to write of code in issues, chats and"
                 " docstrings"),
    Perturbation("PoliteRequest", "docstring", sound=wording.polite_request,
                 why="requests to assistants are often polite, and are pasted into docstrings as"
                 " they are"),
)  # fmt: skip

_FUNCTION_NAME = (
    Perturbation("FuncRenameButterFinger", "function_name", random=True,
                 sound=function_name.slips(characters.press_neighbours),
                 published=in_name(published_docstring.press_neighbours)),
    Perturbation("FuncRenameCamelCase", "function_name",
                 sound=function_name.other_case, published=published_name.other_case),
    Perturbation("FuncRenameChangeChar", "function_name", kind="stress", random=True,
                 sound=function_name.slips(characters.change_case),
                 published=in_name(published_docstring.change_case)),
    Perturbation("FuncRenameInflectionalVariation", "function_name", random=True,
                 sound=function_name.rewords(english.other_forms),
                 published=in_name_words(published_words.inflected)),
    Perturbation("FuncRenameSwapChar", "function_name", random=True,
                 sound=function_name.slips(characters.swap_neighbours),
                 published=in_name(published_docstring.swap_neighbours)),
    Perturbation("FuncRenameSynonymSub", "function_name", random=True,
                 sound=function_name.rewords(name_synonyms),
                 published=in_name_words(published_words.substituted)),
)  # fmt: skip

_SYNTAX = (
    Perturbation("DeadCodeInserter", "syntax", kind="stress", random=True,
                 sound=dead_code.insert, published=published_syntax.insert_dead_code(last=False)),
    Perturbation("DeadCodeInserterLast", "syntax", kind="stress", random=True,
                 sound=dead_code.insert_last,
                 published=published_syntax.insert_dead_code(last=True)),
    Perturbation("ForWhileTransformer", "syntax",
                 sound=loops.for_to_while, published=published_syntax.for_to_while),
    Perturbation("OperandSwap", "syntax",
                 sound=operands.swap_operands, published=published_syntax.swap_operands),
    Perturbation("VarRenamerCB", "syntax", needs=("name",),
                 sound=renaming.rename_by_plugin, published=published_syntax.rename_by_plugin),
    Perturbation("VarRenamerNaive", "syntax", kind="stress",
                 sound=renaming.rename_naive, published=published_syntax.rename_naive),
    Perturbation("VarRenamerRN", "syntax", kind="stress", random=True,
                 sound=renaming.rename_random, published=published_syntax.rename_random),
    Perturbation("ParameterRenamed", "syntax", sound=parameter_name.rename_parameters,
                 why="every team has its own habits: n or num, lst or items, s or text"),
    Perturbation("TypeHintsModernised", "syntax", sound=signature.modernise_type_hints,
                 why="list[int] and X | None since Python 3.10; linters rewrite the older forms"),
    Perturbation("TypeHintsRemoved", "syntax", sound=signature.remove_type_hints,
                 why="scripts, notebooks and older code have no annotations"),
)  # fmt: skip

_FORMAT = (
    Perturbation("doc2comments", "format", sound=format.docstring_to_comments,
                 published=published_format.docstring_to_comments),
    Perturbation("new_line_aftercode", "format", sound=format.new_line_after_code,
                 published=published_format.new_line_after_code),
    Perturbation("new_line_afterdoc", "format", sound=format.new_line_after_docstring,
                 published=published_format.new_line_after_docstring),
    Perturbation("new_lines", "format", random=True, sound=format.new_lines,
                 published=published_format.new_lines),
    Perturbation("split_lines", "format", sound=line_break.split_lines,
                 published=published_format.split_lines),
    Perturbation("tab_indent", "format", sound=format.tabs,
                 published=published_format.tabs),
    Perturbation("docstring_above", "format", sound=comments.docstring_above,
                 why="comments above the function, by those who come from other languages"),
    Perturbation("docstring_quotes", "format", sound=comments.other_quotes,
                 why="both kinds of quotes are in use; formatters change them"),
    Perturbation("one_parameter_per_line", "format",
                 sound=signature.one_parameter_per_line,
                 why="formatters break a signature so wherever its last comma is kept"),
    Perturbation("todo_comment", "format", random=True, sound=comments.add_remark,
                 why="half-done code carries remarks that tell nothing of the task"),
)  # fmt: skip

PERTURBATIONS: Mapping[str, Perturbation] = MappingProxyType(
    {entry.name: entry for entry in (*_DOCSTRING, *_FUNCTION_NAME, *_SYNTAX, *_FORMAT)}
)
"""The perturbations by their names, group by group: the published ones first, then ours."""
