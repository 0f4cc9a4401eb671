"""Perturbations of a docstring's prose. Examples, names, quotes and layout stay as they are."""

from functools import partial
from itertools import pairwise
from random import Random

from steadycode.problems import Problem
from steadycode.recode.perturbations import characters
from steadycode.recode.perturbations.prose import words
from steadycode.recode.source import Edit, Source, Span
from steadycode.recode.variant import Perturbation, Plugged

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


RANDOM: dict[str, Perturbation] = {
    "ButterFingersPerturbation": partial(_slip, characters.press_neighbours),
    "ChangeCharCase": partial(_slip, characters.change_case),
    "SwapCharactersPerturbation": partial(_slip, characters.swap_neighbours),
    "WhitespacePerturbation": _whitespace,
}
FIXED: dict[str, Perturbation] = {}
PLUGGED: dict[str, tuple[str, Plugged]] = {}
"""Name -> the plug-in that it needs, and its rule."""
