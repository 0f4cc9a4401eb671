"""The published syntax perturbations: tree rewrites, printed again by ``layout``.

The original's dead code was drawn without a seed and its ties between variables by hash order;
here dead code is seeded and the first of equals is taken.
"""

import string
from collections import deque
from collections.abc import Callable, Iterator
from random import Random

from steadycode.problems import Problem
from steadycode.recode.published.layout import Node, rewritten, words
from steadycode.recode.variant import Plugged, Plugin, Published

_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_TYPE_WORDS = frozenset(
    ("float", "list", "List", "int", "bool", "tuple", "str", "dict", "True", "False", "self",
     "return", "$", "in")
)  # fmt: skip
_DEFINING = ("function_definition", "class_definition", "call")


def breadth_first(root: Node) -> Iterator[Node]:
    queue = deque([root])
    while queue:
        node = queue.popleft()
        yield node
        queue.extend(node.children)


def _swap_operands(problem: Problem, seed: int, random: Random) -> Problem:
    return rewritten(problem, _swapped)


def _swapped(root: Node) -> dict[int, list[str]] | None:
    for node in breadth_first(root):
        if node.type == "comparison_operator":
            operators = [child for child in node.children if child.type in _MIRRORED]
            if len(operators) == 1 and node.child_count == 3:
                left, operator, right = node.children
                return {node.id: [*words(right, {}), _MIRRORED[operator.type], *words(left, {})]}
    return None


def _for_to_while(problem: Problem, seed: int, random: Random) -> Problem:
    return rewritten(problem, _whiled)


def _whiled(root: Node) -> dict[int, list[str]] | None:
    for node in breadth_first(root):
        if node.type == "for_statement":
            found = _while_words(node)
            if found:
                return {node.id: found}
    return None


def _while_words(node: Node) -> list[str] | None:
    target, iterable, body = (node.child_by_field_name(f) for f in ("left", "right", "body"))
    if target is None or iterable is None or body is None or target.type != "identifier":
        return None
    name, inside = target.text.decode(), [w for c in body.children for w in words(c, {})]
    if "range" in node.text.decode():
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


def _bounds(call: Node) -> tuple[list[str], list[str], list[str]] | None:
    function = call.child_by_field_name("function") if call.type == "call" else None
    if function is None or function.text != b"range":
        return None
    arguments = call.child_by_field_name("arguments").named_children
    texts = [list(words(argument, {})) for argument in arguments]
    match texts:
        case [stop]:
            return ["0"], stop, ["1"]
        case [start, stop]:
            return start, stop, ["1"]
        case [start, stop, step]:
            return start, stop, step
    return None


def _renamed(problem: Problem, new: Callable[[str], str], chosen: str | None = None) -> Problem:
    def transform(root: Node) -> dict[int, list[str]] | None:
        uses = variables(root)
        if not uses:
            return None
        old = chosen or max(uses, key=lambda name: uses[name])  # the first of equals
        name = new(old)
        if (name in _TYPE_WORDS or name in uses) and chosen is None:
            name += "2"
        return {
            node.id: [name]
            for node in breadth_first(root)
            if node.type == "identifier" and node.text.decode() == old
        }

    return rewritten(problem, transform)


def variables(root: Node) -> dict[str, int]:
    """Names that may be renamed -> how often they occur, in the order of the text."""
    imports = {
        word
        for line in root.text.decode().split("\n")
        if "import" in line
        for word in line.replace(",", " ").replace(".", " ").split()
    }
    nodes = sorted(
        (n for n in breadth_first(root) if n.type == "identifier"), key=lambda n: n.start_byte
    )
    count: dict[str, int] = {}
    for node in nodes:
        count[node.text.decode()] = count.get(node.text.decode(), 0) + 1
    called = {n.text.decode() for n in nodes if n.parent and n.parent.type in _DEFINING}
    return {
        name: times
        for name, times in count.items()
        if name not in called and name not in imports and name not in _TYPE_WORDS
    }


def _rename_naive(problem: Problem, seed: int, random: Random) -> Problem:
    return _renamed(problem, lambda old: "VAR_0")


def _rename_random(problem: Problem, seed: int, random: Random) -> Problem:
    letters = string.ascii_letters
    pool = letters + string.digits * 6

    def new(old: str) -> str:
        return random.choice(letters) + "".join(random.choice(pool) for _ in old[1:])

    return _renamed(problem, new)


def _rename_by(problem: Problem, plugin: Plugin) -> Problem:
    variable = getattr(plugin, "variable", None)  # a replayed file knows how ties fell
    chosen = variable(problem) if variable else None
    if variable and chosen is None:
        return rewritten(problem, lambda root: None)
    return _renamed(problem, lambda old: plugin(problem, old), chosen)


def _insert(problem: Problem, seed: int, last: bool) -> Problem:
    random = Random(f"{seed} {problem.task_id}")

    def transform(root: Node) -> dict[int, list[str]] | None:
        nodes = list(breadth_first(root))
        found = [n for n in nodes if n.type.endswith("statement") and _is_middling(n, len(nodes))]
        marker = next((n for n in nodes if n.type == "call" and b"@@this is the" in n.text), None)
        if marker is None:
            return None
        if not last:
            random.shuffle(found)
        before = [n for n in found if n.start_byte <= marker.end_byte]
        copies = [n for n in found if b"@@this is the" not in n.text]
        if not before or not copies:
            return None
        place = before[-1]
        body = [*words(random.choice(copies), {})]
        return {place.id: [*_dead(body, random), *words(place, {})]}

    return rewritten(problem, transform)


def _is_middling(node: Node, total: int) -> bool:
    return 1 < sum(1 for _ in breadth_first(node)) < total / 2


def _dead(body: list[str], random: Random) -> list[str]:
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


def _dead_code(problem: Problem, seed: int, random: Random) -> Problem:
    return _insert(problem, seed, last=False)


def _dead_code_last(problem: Problem, seed: int, random: Random) -> Problem:
    return _insert(problem, seed, last=True)


APPLY: dict[str, Published] = {
    "DeadCodeInserter": _dead_code,
    "DeadCodeInserterLast": _dead_code_last,
    "ForWhileTransformer": _for_to_while,
    "OperandSwap": _swap_operands,
    "VarRenamerNaive": _rename_naive,
    "VarRenamerRN": _rename_random,
}

PLUGGED: dict[str, Plugged] = {"VarRenamerCB": _rename_by}
