"""Plug-ins that answer from published files, in place of the models that those were made with."""

import re
from pathlib import Path

from steadycode.errors import DataError
from steadycode.json_lines import json_lines
from steadycode.problems import Problem, load_problems
from steadycode.recode.published.docstring import text_span
from steadycode.recode.published.layout import rewritten
from steadycode.recode.variant import Plugin

_TOKEN = re.compile(r"\w+|[^\w\s(),]")
"""Brackets and commas move when a name of another length makes a line break elsewhere."""


def replay_translation(path: Path) -> Plugin:
    """Returns a plug-in ``translate`` that answers with the text of a published file.

    The file is one of ``BackTranslation``. A text other than the one that was translated (a part of
    it, say) is returned as it is. Raises DataError when the file cannot be read; the plug-in raises
    it for a problem that the file does not have, or has with other code.
    """
    rows = load_problems(str(path), check_programs=False)
    prompts = {problem.task_id: problem.prompt for problem in rows}

    def translate(problem: Problem, text: str) -> str:
        prompt = prompts.get(problem.task_id)
        if prompt is None:
            raise DataError(f"{path} has no row of {problem.task_id}")
        span = text_span(problem.prompt, problem.entry_point)
        if span is None:
            return text
        before, after = problem.prompt[: span[0]], problem.prompt[span[1] :]
        if not (prompt.startswith(before) and prompt.endswith(after)):
            raise DataError(f"{path}: {problem.task_id} is not a translation of the given problem")
        whole = problem.prompt[span[0] : span[1]]
        if text.split() != whole.split():
            return text
        return prompt[len(before) : len(prompt) - len(after)]

    return translate


class ReplayedNames:
    """A plug-in ``name`` that finds the new name, and which one was changed, in renamed programs.

    ``texts`` holds the program of each problem after the renaming, by task. The two programs are
    compared token by token, the program before as style release prints it.
    """

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def __call__(self, problem: Problem, old: str) -> str:
        """Returns the published name of ``old``, or ``old`` if another variable was renamed."""
        before, after = self._renaming(problem) or (old, old)
        return after if before == old else old

    def variable(self, problem: Problem) -> str | None:
        """Returns the variable that was renamed, or None when the row does not tell of one."""
        renaming = self._renaming(problem)
        return renaming[0] if renaming else None

    def left_alone(self, problem: Problem) -> bool:
        """Says whether the published row holds the program as it was, not even laid out anew."""
        return self._texts.get(problem.task_id) == problem.prompt + problem.canonical_solution

    def _renaming(self, problem: Problem) -> tuple[str, str] | None:
        plain = rewritten(problem, lambda root: None)
        before = _TOKEN.findall(plain.prompt + plain.canonical_solution)
        after = _TOKEN.findall(self._texts.get(problem.task_id, ""))
        if len(before) != len(after):
            return None
        names = {(old, new) for old, new in zip(before, after, strict=True) if old != new}
        return names.pop() if len(names) == 1 else None


def replay_names(path: Path) -> ReplayedNames:
    """Returns a plug-in ``name`` that answers with the names of a published file.

    The file is one of ``VarRenamerCB``. Raises DataError when it is not.
    """
    try:
        rows = [row for _, row in json_lines(path)]
        return ReplayedNames({r["task_id"]: r["prompt"] + r["canonical_solution"] for r in rows})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a published file ({error}); restore it") from error
