"""Published files in the place of the models that made them."""

from pathlib import Path

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems
from steadycode.recode.published.docstring import text_span
from steadycode.recode.variant import Plugin


def replay_translation(path: Path) -> Plugin:
    """A plug-in ``translate`` that gives the text that a published BackTranslation file has.

    A text other than the one that was published (a part of it, say) comes back as it is. Raises
    DataError when the file cannot be read; the plug-in does for a problem that the file does not
    have or has with another code.
    """
    prompts = {problem.task_id: problem.prompt for problem in load_problems(str(path))}

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
