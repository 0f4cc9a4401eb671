"""Docstring perturbations as published: a span found by searching, and four rules on characters.

The span runs from the second character of the docstring to the first ``>>>``. Without ``>>>`` the
failed search is used as an index, so that the span holds the examples and the closing quotes too.
"""

import io
import keyword
import tokenize
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from random import Random

from steadycode.problems import Problem
from steadycode.recode.source import changed
from steadycode.recode.variant import Context, Rule

TextRule = Callable[[str, int], str]
"""Returns the text that it gets as the published benchmark perturbs it with this seed."""

PLACEHOLDER = "<|||>"
TYPE_WORDS = frozenset(
    ("float", "list", "List", "int", "bool", "tuple", "str", "dict", "True", "False", "self",
     "return", "$", "in")
)  # fmt: skip
_BLANKS = " \t\n"
_KEYS = {
    "q": "qwasedzx", "w": "wqesadrfcx", "e": "ewrsfdqazxcvgt", "r": "retdgfwsxcvgt",
    "t": "tryfhgedcvbnju", "y": "ytugjhrfvbnji", "u": "uyihkjtgbnmlo", "i": "iuojlkyhnmlp",
    "o": "oipklujm", "p": "plo['ik", "a": "aqszwxwdce", "s": "swxadrfv", "d": "decsfaqgbv",
    "f": "fdgrvwsxyhn", "g": "gtbfhedcyjn", "h": "hyngjfrvkim", "j": "jhknugtblom",
    "k": "kjlinyhn", "l": "lokmpujn", "z": "zaxsvde", "x": "xzcsdbvfrewq", "c": "cxvdfzswergb",
    "v": "vcfbgxdertyn", "b": "bvnghcftyun", "n": "nbmhjvgtuik", "m": "mnkjloik", " ": " ",
}  # fmt: skip
"""Key -> the keys that may be hit instead; most lists begin with the key itself."""


def in_docstring(rule: TextRule, protect: bool = True) -> Rule:
    """Returns the rule that perturbs the docstring's text by ``rule`` and the bare seed."""

    def apply(problem: Problem, context: Context) -> Problem:
        return perturbed(problem, lambda text: rule(text, context.seed), protect)

    return apply


def perturbed(problem: Problem, rule: Callable[[str], str], protect: bool = True) -> Problem:
    """Returns ``problem`` with the text span of its docstring replaced by ``rule(span)``.

    With ``protect``, pieces between single spaces that begin with an identifier of the program or
    with a type word reach the rule as ``PLACEHOLDER`` and are put back, in their order, afterwards;
    ``< ||| >`` is repaired first. A rule that cannot handle its text is to return it as it is. The
    problem comes back unchanged when there is no docstring.
    """
    prompt = problem.prompt
    span = text_span(prompt, problem.entry_point)
    if span is None:
        return problem
    start, end = span
    text = prompt[start:end]
    after = _around_protected(text, rule, _identifiers(problem)) if protect else rule(text)
    return changed(problem, prompt=prompt[:start] + after + prompt[end:])


def text_span(prompt: str, entry_point: str) -> tuple[int, int] | None:
    """Returns where the text to perturb starts and ends, or None without a docstring."""
    begin = max(prompt.find(entry_point), 0)
    quotes = prompt.find('"""', begin)
    if quotes < 0:
        quotes = prompt.find("'''", begin)
    if quotes < 0:
        return None
    start = quotes + len('"""') + 1  # one too far: the first character is never perturbed
    while prompt[start : start + 1] and prompt[start] in _BLANKS:
        start += 1
    examples = prompt.find(">>>", begin)
    end = examples if examples >= 0 else len(prompt) - 1  # -1 as an index
    end = len(prompt[:end].rstrip(_BLANKS))
    return (start, end) if start < end else None


def _around_protected(text: str, rule: Callable[[str], str], names: frozenset[str]) -> str:
    pieces = text.split(" ")
    kept = [piece for piece in pieces if _first_word(piece) in names]
    shown = " ".join(PLACEHOLDER if _first_word(p) in names else p for p in pieces)
    after = rule(shown).replace("< ||| >", PLACEHOLDER)
    first, *rest = after.split(PLACEHOLDER)
    back = [*kept, *[PLACEHOLDER] * (len(rest) - len(kept))]
    return first + "".join(old + new for old, new in zip(back, rest, strict=False))


def _first_word(piece: str) -> str:
    """Returns the first run of letters and digits; ``$`` and the like have none."""
    start = next((i for i, c in enumerate(piece) if c.isalnum()), len(piece))
    end = next((i for i in range(start, len(piece)) if not piece[i].isalnum()), len(piece))
    return piece[start:end]


@lru_cache(maxsize=512)
def _identifiers(problem: Problem) -> frozenset[str]:
    """Returns every name of the program, and the type words.

    Of a program that is not Python, it returns the names before the fault.
    """
    names = set(TYPE_WORDS)
    lines = io.StringIO(problem.prompt + problem.canonical_solution).readline
    with suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(lines):
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                names.add(token.string)
    return frozenset(names)


def press_neighbours(text: str, seed: int) -> str:
    """Replaces each letter by one of its neighbours with probability 0.06 (0.05 was meant)."""
    random = Random(seed)
    after = []
    for character in text:
        new = character
        near = _KEYS.get(character.lower())
        if near and random.choice(range(100)) <= 5:
            new = random.choice(near)
            new = new.upper() if character.isupper() else new
        after.append(new)
    return "".join(after)


def change_case(text: str, seed: int) -> str:
    """Changes the case of each letter with probability 0.35."""
    random = Random(seed)
    return "".join(
        c.swapcase() if (c.isupper() or c.islower()) and random.random() < 0.35 else c for c in text
    )


def swap_neighbours(text: str, seed: int) -> str:
    """Exchanges letters or digits with their right neighbour with probability 0.05."""
    if len(text) < 2:
        return text
    from numpy.random import RandomState

    random = RandomState((seed + sum(map(ord, text))) % 2**32)
    places = (random.rand(len(text) - 1) < 0.05).nonzero()[0]
    random.shuffle(places)
    after = list(text)
    for i in places:
        if after[i].isalnum() and after[i + 1].isalnum():
            after[i], after[i + 1] = after[i + 1], after[i]
    return "".join(after)


def change_blanks(text: str, seed: int) -> str:
    """Drops blanks, line ends among them, with probability 0.1, and adds some with 0.05."""
    random = Random(seed)
    after = []
    for character in text:
        draw = random.random()
        if character.isspace():
            after.append("" if draw < 0.1 else character)
        else:
            after.append(character + " " if draw < 0.05 else character)
    return "".join(after)
