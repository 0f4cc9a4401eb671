"""What of a loop can be noticed outside of it, and where it is left early."""

import ast
from collections.abc import Iterator

from steadycode.recode.perturbations.scopes import bound_names
from steadycode.recode.source import Function

_LATER = Function | ast.Lambda | ast.GeneratorExp | ast.ClassDef
_COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def has_continue(loop: ast.For) -> bool:
    """Says whether the loop has a ``continue`` of its own, not of a loop inside it."""
    return any(isinstance(n, ast.Continue) for part in loop.body for n in _same_loop(part))


def _same_loop(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):
        children: list[ast.AST] = list(node.orelse)
    elif isinstance(node, Function | ast.ClassDef):
        children = []
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield from _same_loop(child)


def outlives(function: Function, loop: ast.For) -> bool:
    """Says whether the loop's variable may be read after it, or by something that runs later."""
    assert isinstance(loop.target, ast.Name)
    name = loop.target.id
    later = (
        node for statement in loop.body for node in ast.walk(statement) if isinstance(node, _LATER)
    )
    if any(mentions(node, name) for node in [*loop.orelse, *later]):
        return True
    return _read_outside(function, loop, name)


def _read_outside(node: ast.AST, loop: ast.For, name: str) -> bool:
    """Says whether ``name`` is used outside the loop, and not as another loop's own variable."""
    if node is loop:
        return False
    match node:
        case (
            ast.Name(id=used, ctx=ast.Load() | ast.Del()) | ast.AugAssign(target=ast.Name(id=used))
        ) if used == name:
            return True
        case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
            return True
    return any(_read_outside(part, loop, name) for part in _open_parts(node, loop, name))


def _open_parts(node: ast.AST, loop: ast.For, name: str) -> list[ast.AST]:
    """Returns the children in which ``name`` may mean the loop's variable."""
    if isinstance(node, ast.For) and name in bound_names(node.target):
        if not any(inner is loop for inner in ast.walk(node)):
            return [node.iter, *node.orelse]
        return [ast.Name(name, ast.Load())]  # two loops, one in the other, share the variable
    if isinstance(node, _COMPREHENSION) and any(
        name in bound_names(part.target) for part in node.generators
    ):
        return [node.generators[0].iter]
    return list(ast.iter_child_nodes(node))


def mentions(node: ast.AST, name: str) -> bool:
    """Says whether ``name`` stands for a variable anywhere below ``node``."""
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))
