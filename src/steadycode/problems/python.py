"""Parses the Python in a row, and says where it is wrong."""

import ast
import warnings

from steadycode.errors import DataError

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(text: str, what: str) -> ast.Module:
    """Parse ``text``. Raises DataError; it begins with ``what``, which ends in "is" or "are"."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\\d" in a string is the row's own affair
            return ast.parse(text)
    except SyntaxError as error:
        fault = f"{error.msg}, line {error.lineno}"
    except (ValueError, RecursionError, MemoryError) as error:
        fault = str(error)
    raise DataError(f"{what} not valid Python ({fault}); mend or drop the row")


def functions(tree: ast.Module | ast.ClassDef) -> list[Function]:
    """The functions at the top level of ``tree``, or the methods of a class."""
    return [node for node in tree.body if isinstance(node, Function)]
