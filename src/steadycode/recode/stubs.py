"""Programs that solve nothing, by which a test that accepts any program is told."""

import re
from collections.abc import Iterable, Iterator, Sequence

from steadycode.problems import Problem
from steadycode.problems.entry import method_of, outermost
from steadycode.recode.programs import reference
from steadycode.sandbox.contract import Judge, Program, Verdict

NOTHING = "return None"
OBJECT = "return type('Fresh', (), {})()"

_AGREEABLE = '''
class Agreeable:
    """Lets everything be done with it, and says {says} to everything that it is asked."""

    def itself(self, *args, **options):
        return self

    def says(self, *args):
        return {says}

    def size(self, *args):
        return {size}

    def number(self, *args):
        return {number}

    def text(self, *args):
        return "x" * {size}

    def nothing(self, *args):
        return None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self):
        return iter([self] * {size})

    def __float__(self):
        return float({number})

    def __complex__(self):
        return complex({number})

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __contains__ = says
    __int__ = __index__ = __hash__ = number
    __len__ = size
    __str__ = __repr__ = __format__ = text
    __setitem__ = __delitem__ = __exit__ = nothing
    __reversed__ = __iter__
    __call__ = __getitem__ = __enter__ = __next__ = itself
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = itself
    __trunc__ = __floor__ = __ceil__ = itself
    __add__ = __sub__ = __mul__ = __matmul__ = __truediv__ = __floordiv__ = __mod__ = itself
    __radd__ = __rsub__ = __rmul__ = __rmatmul__ = __rtruediv__ = __rfloordiv__ = itself
    __pow__ = __lshift__ = __rshift__ = __and__ = __xor__ = __or__ = itself
    __rpow__ = __rlshift__ = __rrshift__ = __rand__ = __rxor__ = __ror__ = __rmod__ = itself


return Agreeable()
'''


def _agreeable(says: bool, size: int) -> str:
    return _AGREEABLE.format(says=says, size=size, number=size if says else -size).strip()


_PLAIN = (NOTHING, OBJECT)
_AGREEING = (_agreeable(False, 997), _agreeable(True, 1), _agreeable(True, 0))


def accepting(problems: Sequence[Problem], judge: Judge) -> set[int]:
    """The numbers of the problems whose test accepts any program that gives an answer at all.

    Such a test passes both a function that returns None and one that returns an object of a class
    of its own: one that honestly expects either refuses the other. A test that looks into the
    answer before it would compare it (``return candidate(1)[0] == 2``) ends on those with another
    exception than an AssertionError. It accepts anything when it passes objects that let
    everything be done with them, whether they say yes or no to all that it asks, and whether they
    hold many items, one or none.
    """
    first = dict(_judged(problems, range(len(problems)), NOTHING, judge))
    plain = {n for n, verdict in first.items() if _passes(verdict)}
    agreeing = {n for n, verdict in first.items() if _is_other_fault(verdict)}
    for stub in _PLAIN[1:]:
        plain = _passing(problems, plain, stub, judge)
    for stub in _AGREEING:
        agreeing = _passing(problems, agreeing, stub, judge)
    return plain | agreeing


def _passing(problems: Sequence[Problem], among: set[int], body: str, judge: Judge) -> set[int]:
    verdicts = _judged(problems, sorted(among), body, judge)
    return {number for number, verdict in verdicts if _passes(verdict)}


def _judged(
    problems: Sequence[Problem], numbers: Iterable[int], body: str, judge: Judge
) -> Iterator[tuple[int, Verdict]]:
    return judge((number, _stub(problems[number], body)) for number in numbers)


def _stub(problem: Problem, body: str) -> Program:
    """The reference with another entry point, since a test may call the helpers beside it."""
    program, entry_point = reference(problem), problem.entry_point
    lines = "".join(f"    {line}".rstrip() + "\n" for line in body.splitlines())
    defined = rf"^async[ \t]+def[ \t]+{re.escape(entry_point)}\b"
    awaited = re.search(defined, program.code, re.MULTILINE)
    begin = "async def" if awaited else "def"
    code = f"{program.code}\n\n\n{begin} {program.entry_point}(*args, **options):\n{lines}"
    if method := method_of(entry_point):
        code += f"\n\n{outermost(entry_point)}.{method} = staticmethod({program.entry_point})\n"
    return Program(code, program.test, program.entry_point)


def _passes(verdict: Verdict) -> bool:
    """Also where the sandbox can't say it for certain: nobody cheats here."""
    return verdict.status in ("passed", "unsupported")


def _is_other_fault(verdict: Verdict) -> bool:
    return verdict.status == "failed" and not verdict.detail.startswith("AssertionError")
