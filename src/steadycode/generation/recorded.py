"""Completions that another engine has written, as an engine of ours: nothing is generated."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from steadycode.config import Style
from steadycode.errors import DataError
from steadycode.generation.contract import Completion, EngineConditions
from steadycode.json_lines import json_lines


class RecordedEngine:
    """Hands out the completions of a file of JSON lines with ``prompt`` and ``completion``.

    Several lines of one prompt are its samples. ``style`` says how the texts are to be read.
    Raises DataError, with file and line, for a line that is none of these.
    """

    def __init__(self, path: Path, style: Style) -> None:
        self._path = path
        self._texts: dict[str, list[str]] = {}
        for place, row in json_lines(path):
            prompt, text = row.get("prompt"), row.get("completion")
            if not isinstance(prompt, str) or not isinstance(text, str):
                raise DataError(f"{place}: needs the texts 'prompt' and 'completion'")
            self._texts.setdefault(prompt, []).append(text)
        self.conditions = EngineConditions(
            engine="recorded", dtype="unknown", device="unknown", decoding={"style": style}
        )

    def complete(self, prompts: Sequence[str]) -> Iterator[Completion]:
        """The completions of ``prompts``, those of each prompt one after the other.

        Raises DataError when some prompt has none, or another number than the rest.
        """
        self.require(prompts)
        for prompt in prompts:
            for sample, text in enumerate(self._texts[prompt]):
                yield Completion(
                    prompt=prompt,
                    sample=sample,
                    text=text,
                    finish_reason="end_of_text",
                    mean_logprob=None,
                )

    def require(self, prompts: Sequence[str]) -> None:
        """Raises DataError as ``complete`` does."""
        prompts = list(dict.fromkeys(prompts))
        counts = {len(self._texts.get(prompt, ())) for prompt in prompts}
        if len(counts) > 1 or counts == {0}:
            missing = sum(prompt not in self._texts for prompt in prompts)
            raise DataError(
                f"{self._path}: {missing} of {len(prompts)} prompts of the benchmark have no"
                f" completion, and the others"
                f" {', '.join(map(str, sorted(counts - {0}))) or 'none'}; every prompt needs the"
                " same number"
            )
