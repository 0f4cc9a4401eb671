"""What can be known of an expression without running it: has it indices, can its value change?"""

import ast

from steadycode.errors import DataError
from steadycode.recode.perturbations.liveness import mentions
from steadycode.recode.perturbations.renamed_test import program_of_test
from steadycode.recode.perturbations.scopes import bound_names
from steadycode.recode.source import Source

_SEQUENCES = frozenset(("list", "List", "str", "tuple", "Tuple", "Sequence"))
_GIVE_SEQUENCES = frozenset(("list", "str", "tuple", "sorted", "input", "bin", "hex", "repr"))
_METHODS = frozenset(("split", "rsplit", "splitlines", "readlines"))
_CHANGE_LENGTH = frozenset(
    ("append", "extend", "insert", "pop", "remove", "clear", "add", "discard", "update",
     "popitem", "setdefault", "appendleft", "popleft")
)  # fmt: skip
_READ_ONLY_CALLS = frozenset(("len", "sum", "min", "max", "sorted", "abs", "print", "str"))


def is_sequence(source: Source, node: ast.expr) -> bool:
    """Says whether an expression is certainly a list, a tuple or a string."""
    match node:
        case ast.List() | ast.Tuple() | ast.ListComp() | ast.Constant(value=str()):
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in _GIVE_SEQUENCES and name not in bound_names(source.tree)
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _METHODS
        case ast.Subscript(value=value, slice=ast.Slice()):
            return is_sequence(source, value)
        case ast.Name(id=name):
            return _is_sequence_name(source, name)
    return False


def _is_sequence_name(source: Source, name: str) -> bool:
    """Says whether a local variable or a parameter is a sequence wherever it gets a value."""
    known = 0
    for node in ast.walk(source.target):
        match node:
            case ast.arg(arg=bound, annotation=annotation) if bound == name:
                untold = annotation is None and _gets_sequences(source, name)
                if not untold and not _names_sequence(annotation):
                    return False
                known += 1
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                if mentions(value, name) or not is_sequence(source, value):
                    return False
                known += 1
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                return False
    return 0 < known == sum(bound == name for bound in bound_names(source.target))


def _names_sequence(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return isinstance(annotation, ast.Name) and annotation.id in _SEQUENCES


def _gets_sequences(source: Source, name: str) -> bool:
    """Says whether the test calls the function with nothing but lists, tuples and strings, written
    out, for a parameter by position. A program that calls itself may get anything."""
    names = [parameter.arg for parameter in source.target.args.args]
    entry = source.problem.entry_point
    if name not in names or _calls_itself(source):
        return False
    try:
        tree = program_of_test(source.problem).tree
    except DataError:
        return False
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in ("candidate", entry)]
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.func in uses]
    if not calls or len(calls) < len(uses):  # it is handed on
        return False
    at = names.index(name)
    return all(
        len(call.args) > at
        and not any(isinstance(argument, ast.Starred) for argument in call.args)
        and isinstance(call.args[at], ast.List | ast.Tuple | ast.Constant)
        and is_sequence(source, call.args[at])
        for call in calls
    )


def _calls_itself(source: Source) -> bool:
    entry = source.problem.entry_point
    return any(isinstance(node, ast.Name) and node.id == entry for node in ast.walk(source.tree))


def is_steady(source: Source, loop: ast.For, node: ast.expr) -> bool:
    """Says whether a loop's bound is a number that is the same each time the loop asks for it."""
    rebound = set(bound_names(loop))
    for inner in ast.walk(source.tree):
        if isinstance(inner, ast.Global | ast.Nonlocal):
            rebound |= set(inner.names)
    return _is_steady(source, loop, node, rebound)


def _is_steady(source: Source, loop: ast.For, node: ast.expr, rebound: set[str]) -> bool:
    match node:
        case ast.Constant(value=int()):
            return True
        case ast.Name(id=name):
            return name not in rebound
        case ast.BinOp(left=left, right=right):
            return all(_is_steady(source, loop, part, rebound) for part in (left, right))
        case ast.UnaryOp(operand=operand, op=ast.USub()):
            return _is_steady(source, loop, operand, rebound)
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)], keywords=[]):
            return name not in rebound and _keeps_length(source, loop, name)
    return False


def _keeps_length(source: Source, loop: ast.For, name: str) -> bool:
    """Says whether nothing in the loop can make the named object longer or shorter.

    The function only indexes and reads it, so that no other local variable means the same object.
    A parameter or an attribute may, so no method that changes a length is called on those.
    """
    parents = {
        id(child): node for node in ast.walk(source.target) for child in ast.iter_child_nodes(node)
    }
    calls = _READ_ONLY_CALLS.difference(bound_names(source.tree))
    for node in ast.walk(source.target):
        match node:
            case ast.Name(id=used, ctx=ast.Load()) if used == name:
                if not _is_reading(node, parents[id(node)], calls):
                    return False
    parameters = {n.arg for n in ast.walk(source.target.args) if isinstance(n, ast.arg)}
    return not any(
        isinstance(node, ast.Delete)
        or (
            isinstance(node, ast.Attribute)
            and node.attr in _CHANGE_LENGTH
            and (not isinstance(node.value, ast.Name) or node.value.id in parameters)
        )
        for node in ast.walk(loop)
    )


def _is_reading(node: ast.Name, parent: ast.AST, calls: frozenset[str]) -> bool:
    """Says whether a name is used where its object neither changes nor gets another name."""
    match parent:
        case ast.Subscript(value=value, slice=index, ctx=context):
            return value is node and (
                isinstance(context, ast.Load) or not isinstance(index, ast.Slice)
            )
        case ast.Call(func=ast.Name(id=called), args=arguments):
            return called in calls and node in arguments
        case ast.For(iter=read) | ast.comprehension(iter=read):
            return read is node
        case ast.Compare() | ast.If() | ast.While() | ast.UnaryOp():
            return True
        case ast.Return():  # the loop is over then
            return True
    return False
