"""Which names a program binds and reads, so that a rewrite neither catches nor loses one."""

import ast
import builtins
import keyword
import symtable
from collections.abc import Iterable, Iterator

from steadycode.recode.source import Function, Source

_READS_NAMES = frozenset(("locals", "globals", "vars", "dir", "eval", "exec"))


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yields the statements below ``node`` that belong to the same function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, Function | ast.ClassDef):
            yield from statements(child)


def bound_names(node: ast.AST) -> Iterator[str]:
    """Yields every name that something below ``node`` gives a meaning, once for each time."""
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case _:
                if name := name_without_place(inner):
                    yield name


def name_without_place(node: ast.AST) -> str:
    """Returns the name that a function, class, handler, pattern or import binds; else nothing.

    The tree tells where such a node stands, but not where in it the name does.
    """
    match node:
        case (
            ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
            | ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            return name
        case ast.alias(name=name, asname=asname):
            return asname or name.partition(".")[0]
    return ""


def keeps(source: Source, names: Iterable[str]) -> bool:
    """Says whether these built-in names still mean what they mean in Python."""
    return not set(names).intersection(bound_names(source.tree))


def reads_names(source: Source) -> bool:
    """Says whether the target looks at its variables by name, as ``locals()`` does."""
    return any(
        isinstance(node, ast.Name) and node.id in _READS_NAMES for node in ast.walk(source.target)
    )


def is_free(source: Source, name: str) -> bool:
    """Says whether the program may begin to use this name."""
    usable = name.isidentifier() and not keyword.iskeyword(name) and not hasattr(builtins, name)
    return usable and name not in source.names


def free_name(source: Source, *wanted: str) -> str:
    """Returns the first name of ``wanted`` that is free, else the first one with a number."""
    for name in wanted:
        if is_free(source, name):
            return name
    number = 2
    while not is_free(source, f"{wanted[0]}_{number}"):
        number += 1
    return f"{wanted[0]}_{number}"


def shared_names(source: Source) -> frozenset[str]:
    """Returns the names that a scope of the target shares with something else.

    That is the module, another scope by declaration, or a class: a local variable cannot be told
    from them by its name alone.
    """
    try:
        top = symtable.symtable(source.text, "<problem>", "exec")
    except SyntaxError:  # parses, yet does not compile: no name can be trusted
        return source.names
    tables = [t for t in top.get_children() if t.get_name() == source.target.name]
    shared = set[str]()
    while tables:
        table = tables.pop()
        tables.extend(table.get_children())
        in_class = table.get_type() == "class"
        for symbol in table.get_symbols():
            declared = symbol.is_declared_global() or symbol.is_nonlocal()
            if symbol.is_global() or declared or (in_class and symbol.is_local()):
                shared.add(symbol.get_name())
    return frozenset(shared)
