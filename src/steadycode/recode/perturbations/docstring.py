"""Perturbations of a docstring's prose. Examples, names, quotes and layout stay as they are."""

import textwrap
from itertools import pairwise
from random import Random

from steadycode.problems import Problem
from steadycode.recode.language.vocabulary import is_another_word
from steadycode.recode.perturbations import characters
from steadycode.recode.perturbations.prose import prose_lines, words
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Context, Plugin, Rule

_DROPPED, _ADDED = 0.10 / 3, 0.05 / 3
"""The probabilities that a blank is dropped or added: a third of the published benchmark's, which
leave hardly a sentence that a person would have let stand."""
_ATTEMPTS = 20


def slips(slip: characters.Slip) -> Rule:
    """Returns the rule that lets a slip happen to the docstring's words, but makes none another."""

    def rule(problem: Problem, context: Context) -> Problem:
        source = Source(problem)
        spans = words(source)
        before = [source.text_of(span) for span in spans]
        after = slip(before, context.random)
        after = [_mended(*pair, slip, context.random) for pair in zip(before, after, strict=True)]
        for _ in range(_ATTEMPTS if after == before and before else 0):
            at = context.random.randrange(len(before))
            after[at] = _mended(before[at], "", slip, context.random)
            if after != before:
                break
        return source.edited(Edit(span, text) for span, text in zip(spans, after, strict=True))

    return rule


def _mended(before: str, after: str, slip: characters.Slip, random: Random) -> str:
    """Lets a slip happen again while it has made another word; at last the word stays as it was.

    An empty ``after`` stands for a slip that is still to happen.
    """
    for _ in range(_ATTEMPTS):
        if after and not is_another_word(before, after):
            return after
        (after,) = slip([before], random)
    return before


def change_blanks(problem: Problem, context: Context) -> Problem:
    """Drops blanks between words and sets blanks inside words, but none at a line's ends."""
    source, random = Source(problem), context.random
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


def translate(problem: Problem, context: Context) -> Problem:
    """Translates each paragraph there and back, and fills it to its widest line again.

    A translation that would break the string or begin an example is not taken.
    """
    plugin = context.plugins.translate
    assert plugin is not None
    source = Source(problem)
    return source.edited(
        edit for block in _paragraphs(source) for edit in _replaced_lines(source, block, plugin)
    )


def _paragraphs(source: Source) -> list[list[Span]]:
    """Returns the lines of prose, without the blanks round them; those that follow one another
    without a gap stand together."""
    blocks: list[list[Span]] = []
    for line in prose_lines(source):
        text = source.text_of(line)
        start = line.start + len(text) - len(text.lstrip())
        span = Span(start, line.start + len(text.rstrip()))
        if blocks and source.text[blocks[-1][-1].end : start].count("\n") == 1:
            blocks[-1].append(span)
        else:
            blocks.append([span])
    return blocks


def _replaced_lines(source: Source, block: list[Span], plugin: Plugin) -> list[Edit]:
    lines = [source.text_of(span) for span in block]
    before = " ".join(lines)
    after = " ".join(plugin(source.problem, before).split())
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
