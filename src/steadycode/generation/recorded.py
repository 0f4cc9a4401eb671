"""Completions that another engine has written, as an engine of ours: nothing is generated."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from steadycode.config import Style
from steadycode.errors import DataError
from steadycode.files import sha256_text
from steadycode.generation.answers import read_answer
from steadycode.generation.contract import Completion, EngineConditions
from steadycode.json_lines import json_lines


def prompt_id(prompt: str) -> str:
    """A short name of a prompt, which an answer may carry in its place."""
    return sha256_text(prompt)[:16]


class RecordedEngine:
    """Hands out the completions of a file of JSON lines.

    Each line holds ``completion`` and what it answers: ``prompt``, which may have lost blanks at
    its end; ``id``, see ``prompt_id``; or ``task_id``, for the prompt of that name in ``tasks``.
    Several lines of one prompt are its samples, whichever of these each names it by. ``style`` says
    how the texts are to be read; what counts of them is what ours would have kept (see
    ``answers``). Raises DataError, with file and line, for a line that is none of these.
    """

    def __init__(self, path: Path, style: Style, tasks: Mapping[str, str] | None = None) -> None:
        self._path, self._style = path, style
        self._tasks = {prompt: task for task, prompt in (tasks or {}).items()}
        self._texts: dict[tuple[str, str], list[str]] = {}
        self._stripped: dict[str, list[str]] = {}
        for place, row in json_lines(path):
            text = row.get("completion")
            kind = next((name for name in ("prompt", "id", "task_id") if name in row), "")
            key = row.get(kind)
            if isinstance(key, int) and kind == "task_id":
                key = str(key)
            if not isinstance(key, str) or not isinstance(text, str):
                raise DataError(
                    f"{place}: needs the texts 'completion' and 'prompt' (or 'id', or 'task_id')"
                )
            if kind == "prompt" and (kind, key) not in self._texts:
                self._stripped.setdefault(key.rstrip(), []).append(key)
            self._texts.setdefault((kind, key), []).append(text)
        self.conditions = EngineConditions(
            engine="recorded", dtype="unknown", device="unknown", decoding={"style": style}
        )

    def complete(self, prompts: Sequence[str]) -> Iterator[Completion]:
        """The completions of ``prompts``, those of each prompt one after the other.

        Raises DataError when some prompt has none, or another number than the rest.
        """
        self.require(prompts)
        asked = frozenset(prompts)
        for prompt in prompts:
            for sample, text in enumerate(self.answers(prompt, asked)):
                yield Completion(
                    prompt=prompt,
                    sample=sample,
                    text=read_answer(prompt, text, self._style),
                    finish_reason="end_of_text",
                    mean_logprob=None,
                )

    def require(self, prompts: Sequence[str]) -> None:
        """Raises DataError as ``complete`` does."""
        prompts, asked = list(dict.fromkeys(prompts)), frozenset(prompts)
        counts = {prompt: len(self.answers(prompt, asked)) for prompt in prompts}
        if len(set(counts.values())) > 1 or set(counts.values()) == {0}:
            missing = sum(not count for count in counts.values())
            others = sorted(set(counts.values()) - {0})
            raise DataError(
                f"{self._path}: {missing} of {len(prompts)} prompts of the benchmark have no"
                f" completion, and the others {', '.join(map(str, others)) or 'none'}; every prompt"
                " needs the same number (`steadycode perturb prompts` prints them all)"
            )

    def unknown(self, prompts: Sequence[str]) -> int:
        """How many lines answer something else than ``prompts``."""
        asked = frozenset(prompts)
        known = {key for prompt in prompts for key in self._keys(prompt, asked)}
        return sum(len(texts) for key, texts in self._texts.items() if key not in known)

    def answers(self, prompt: str, asked: Collection[str]) -> list[str]:
        """The texts, as they were written, that answer ``prompt``, one of the prompts ``asked``."""
        keys = dict.fromkeys(self._keys(prompt, asked))
        found = [text for key in keys for text in self._texts.get(key, [])]
        if found or prompt.rstrip() not in self._stripped:
            return found
        return self._texts["prompt", self._stripped[prompt.rstrip()][0]]

    def _keys(self, prompt: str, asked: Collection[str]) -> Iterator[tuple[str, str]]:
        """All that lines may name ``prompt`` by. What another prompt of ``asked`` is names that."""
        yield "prompt", prompt
        yield "id", prompt_id(prompt)
        if prompt in self._tasks:
            yield "task_id", self._tasks[prompt]
        for other in self._stripped.get(prompt.rstrip(), []):
            if other not in asked:
                yield "prompt", other
