"""Perturbations of a docstring's prose. Examples, names, quotes and layout stay as they are."""

import textwrap
from functools import partial
from itertools import pairwise
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations import characters, english, tense
from steadycode.recode.perturbations.prose import prose_lines, words
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Perturbation, Plugged, Plugin

_DROPPED, _ADDED = 0.10, 0.05


def _slip(slip: characters.Slip, problem: Problem, random: Random) -> Problem:
    source = Source(problem)
    spans = words(source)
    after = slip([source.text[span.start : span.end] for span in spans], random)
    return source.edited(Edit(span, text) for span, text in zip(spans, after, strict=True))


def _whitespace(problem: Problem, random: Random) -> Problem:
    """Blanks between two words dropped, blanks set inside words; never at a line's ends."""
    source = Source(problem)
    spans = words(source)
    gaps = [
        Span(left.end, right.start)
        for left, right in pairwise(spans)
        if source.text[left.end : right.start] == " "
    ]
    inner = [Span(at, at) for span in spans for at in range(span.start + 1, span.end)]
    edits = [Edit(gap, "") for gap in gaps if random.random() < _DROPPED]
    edits += [Edit(place, " ") for place in inner if random.random() < _ADDED]
    if not edits and inner:
        edits = [Edit(random.choice(inner), " ")]
    return source.edited(edits)


def _translate(problem: Problem, translate: Plugin) -> Problem:
    """Each paragraph of prose to another language and back, filled to its widest line again.

    A translation that would break the string or begin an example is not taken.
    """
    source = Source(problem)
    edits = [
        edit for block in _paragraphs(source) for edit in _replaced_lines(source, block, translate)
    ]
    return source.edited(edits)


def _paragraphs(source: Source) -> list[list[Span]]:
    """Lines of prose that follow each other, without the blanks round them."""
    blocks: list[list[Span]] = []
    for line in prose_lines(source) if source.docstring else []:
        text = source.text[line.start : line.end]
        start = line.start + len(text) - len(text.lstrip())
        span = Span(start, line.start + len(text.rstrip()))
        if blocks and source.text[blocks[-1][-1].end : start].count("\n") == 1:
            blocks[-1].append(span)
        else:
            blocks.append([span])
    return blocks


def _replaced_lines(source: Source, block: list[Span], translate: Plugin) -> list[Edit]:
    lines = [source.text[span.start : span.end] for span in block]
    before = " ".join(lines)
    after = " ".join(translate(source.problem, before).split())
    forbidden = ('"""', "'''", "\\", ">>>")
    if not after or after == before or any(sign in after for sign in forbidden):
        return []
    if block[-1].end + 3 >= (source.docstring or block[-1]).end and after[-1] in "\"'":
        after += " "  # the closing quotes follow at once
    width = max(len(line) for line in lines) if len(lines) > 1 else len(after)
    *filled, last = textwrap.wrap(after, width, break_long_words=False, break_on_hyphens=False)
    rows = [*filled, last + after[len(after.rstrip()) :]]
    end = Span(block[0].start, block[-1].end)
    indent = source.indentation(block[-1].start)
    return [Edit(end, f"\n{indent}".join(rows))]


RANDOM: dict[str, Perturbation] = {
    "ButterFingersPerturbation": partial(_slip, characters.press_neighbours),
    "ChangeCharCase": partial(_slip, characters.change_case),
    "SwapCharactersPerturbation": partial(_slip, characters.swap_neighbours),
    "WhitespacePerturbation": _whitespace,
    "EnglishInflectionalVariation": english.inflect,
    "SynonymInsertion": english.insert,
    "SynonymSubstitution": english.substitute,
}
FIXED: dict[str, Perturbation] = {
    "TenseTransformationPast": tense.past,
    "TenseTransformationFuture": tense.future,
}
PLUGGED: dict[str, tuple[str, Plugged]] = {"BackTranslation": ("translate", _translate)}
"""Name -> the plug-in that it needs, and its rule."""
