"""The published syntax perturbations: trees rewritten, and printed again by ``layout``.

The original drew dead code without a seed, and chose between variables of equal use by the order of
hashes. Here dead code is seeded and the first of equals is taken.
"""

import string
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING

from steadycode.problems import Problem
from steadycode.recode.published.docstring import TYPE_WORDS
from steadycode.recode.published.layout import code_of, rewritten, words
from steadycode.recode.variant import Context, Rule, VariableChooser

if TYPE_CHECKING:  # an extra, imported only when a rule is applied
    from tree_sitter import Node

_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_MARK = "@@this is the"
"""What only the line that marks the cut has in it."""
_DEFINING = ("function_definition", "class_definition", "call")


def breadth_first(root: "Node") -> Iterator["Node"]:
    """Yields all nodes, those nearer to the root first, as the original searched them."""
    queue = deque([root])
    while queue:
        node = queue.popleft()
        yield node
        queue.extend(node.children)


def swap_operands(problem: Problem, context: Context) -> Problem:
    """Turns round the first comparison, whatever its operands do."""
    return rewritten(problem, _swapped)


def _swapped(root: "Node") -> dict[int, list[str]] | None:
    for node in breadth_first(root):
        if node.type == "comparison_operator":
            operators = [child for child in node.children if child.type in _MIRRORED]
            if len(operators) == 1 and node.child_count == 3:
                left, operator, right = node.children
                return {node.id: [*words(right, {}), _MIRRORED[operator.type], *words(left, {})]}
    return None


def for_to_while(problem: Problem, context: Context) -> Problem:
    """Rewrites the first ``for`` as a ``while`` that counts; a ``continue`` makes it endless."""
    return rewritten(problem, _whiled)


def _whiled(root: "Node") -> dict[int, list[str]] | None:
    for node in breadth_first(root):
        if node.type == "for_statement":
            loop = _while_words(node)
            if loop:
                return {node.id: loop}
    return None


def _while_words(node: "Node") -> list[str] | None:
    """Returns the words of the new loop; None for a target or a ``range`` it cannot handle."""
    target, iterable, body = (node.child_by_field_name(f) for f in ("left", "right", "body"))
    if target is None or iterable is None or body is None or target.type != "identifier":
        return None
    name, inside = code_of(target), [w for c in body.children for w in words(c, {})]
    if "range" in code_of(node):
        bounds = _bounds(iterable)
        if bounds is None:
            return None
        start, stop, step = bounds
        before, ahead, change = [name, "=", *start], [name, "<", *stop], [name, "+=", *step]
        if step[0] == "-":
            ahead[1], change = ">", [name, "-=", *step[1:]]
    else:
        items, index = list(words(iterable, {})), f"_{name}_i"
        before, change = [index, "=", "0"], [index, "+=", "1"]
        ahead = [index, "<", "len", "(", *items, ")"]
        inside = [name, "=", *items, "[", index, "]", "NEWLINE", *inside]
    return [
        *before, "NEWLINE", "while", *ahead, ":", "INDENT", *inside, *change, "NEWLINE", "DEDENT",
    ]  # fmt: skip


def _bounds(call: "Node") -> tuple[list[str], list[str], list[str]] | None:
    """Returns start, stop and step of a call of ``range``, each as words; None for another."""
    function, arguments = (call.child_by_field_name(f) for f in ("function", "arguments"))
    if call.type != "call" or function is None or code_of(function) != "range" or arguments is None:
        return None
    match [list(words(argument, {})) for argument in arguments.named_children]:
        case [stop]:
            return ["0"], stop, ["1"]
        case [start, stop]:
            return start, stop, ["1"]
        case [start, stop, step]:
            return start, stop, step
    return None


def _renamed(problem: Problem, new: Callable[[str], str], chosen: str | None = None) -> Problem:
    """Renames the variable ``chosen``, or else the most used one, of equals the first."""

    def transform(root: "Node") -> dict[int, list[str]] | None:
        uses = variables(root)
        if not uses:
            return None
        old = chosen or max(uses, key=lambda name: uses[name])
        name = new(old)
        if (name in TYPE_WORDS or name in uses) and chosen is None:
            name += "2"
        return {
            node.id: [name]
            for node in breadth_first(root)
            if node.type == "identifier" and code_of(node) == old
        }

    return rewritten(problem, transform)


def variables(root: "Node") -> dict[str, int]:
    """Returns how often each name occurs that may be renamed, in the order of the text."""
    imports = {
        word
        for line in code_of(root).split("\n")
        if "import" in line
        for word in line.replace(",", " ").replace(".", " ").split()
    }
    nodes = sorted(
        (n for n in breadth_first(root) if n.type == "identifier"), key=lambda n: n.start_byte
    )
    count: dict[str, int] = {}
    for node in nodes:
        count[code_of(node)] = count.get(code_of(node), 0) + 1
    called = {code_of(n) for n in nodes if n.parent and n.parent.type in _DEFINING}
    return {
        name: times
        for name, times in count.items()
        if name not in called and name not in imports and name not in TYPE_WORDS
    }


def rename_naive(problem: Problem, context: Context) -> Problem:
    """Calls the variable ``VAR_0``."""
    return _renamed(problem, lambda old: "VAR_0")


def rename_random(problem: Problem, context: Context) -> Problem:
    """Gives the variable a name of random letters and digits, as many as the old name has."""
    random = context.random
    letters = string.ascii_letters
    pool = letters + string.digits * 6

    def new(old: str) -> str:
        return random.choice(letters) + "".join(random.choice(pool) for _ in old[1:])

    return _renamed(problem, new)


def rename_by_plugin(problem: Problem, context: Context) -> Problem:
    """Takes the plug-in's name; a plug-in that replays a file knows how ties fell in it."""
    plugin = context.plugins.name
    assert plugin is not None
    chosen = None
    if isinstance(plugin, VariableChooser):
        if plugin.left_alone(problem):
            return problem
        chosen = plugin.variable(problem)
        if chosen is None:
            return rewritten(problem, lambda root: None)
    return _renamed(problem, lambda old: plugin(problem, old), chosen)


def insert_dead_code(last: bool) -> Rule:
    """Returns the rule that puts a block that never runs before a statement of medium size.

    That is any of those up to the cut, or the ``last`` of them.
    """

    def rule(problem: Problem, context: Context) -> Problem:
        random = Random(f"{context.seed} {problem.task_id}")
        return rewritten(problem, lambda root: _with_dead_code(root, random, last))

    return rule


def _with_dead_code(root: "Node", random: Random, last: bool) -> dict[int, list[str]] | None:
    nodes = list(breadth_first(root))
    chosen = [n for n in nodes if n.type.endswith("statement") and _is_middling(n, len(nodes))]
    marker = next((n for n in nodes if n.type == "call" and _MARK in code_of(n)), None)
    if marker is None:
        return None
    if not last:
        random.shuffle(chosen)
    before = [n for n in chosen if n.start_byte <= marker.end_byte]
    copies = [n for n in chosen if _MARK not in code_of(n)]
    if not before or not copies:
        return None
    place = before[-1]
    body = [*words(random.choice(copies), {})]
    return {place.id: [*_dead(body, random), *words(place, {})]}


def _is_middling(node: "Node", total: int) -> bool:
    return 1 < sum(1 for _ in breadth_first(node)) < total / 2


def _dead(body: list[str], random: Random) -> list[str]:
    """Returns the words of a block that never runs, with ``body`` in it."""
    kind, name = random.choice(("for", "while", "if")), f"_i_{random.randrange(10)}"
    if kind == "for":
        head = ["for", name, "in", "range", "(", "0", ")"]
    else:
        draw = random.randrange(100)
        if draw < 33:
            head = [kind, "False"]
        else:
            head = [name, "=", "0", "NEWLINE", kind, name, "<" if draw < 66 else ">", name]
    return [*head, ":", "INDENT", *body, "DEDENT"]
