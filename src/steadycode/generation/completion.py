"""Prompts in, completions out, in the same order."""

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steadycode.config import Decoding
from steadycode.generation.boundary import Healed, Vocabulary
from steadycode.generation.contract import Completion
from steadycode.generation.rows import Request

if TYPE_CHECKING:
    from steadycode.models import LanguageModel

_LIBRARIES = ("torch", "transformers", "tokenizers")
ENGINE = ", ".join(
    ["steadycode 1", *(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)]
)
"""The engine's name and version, and the libraries below it that decide what a model says."""


def complete(
    model: "LanguageModel",
    prompts: Sequence[str],
    decoding: Decoding,
    *,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Completion]:
    """``decoding.samples`` completions of every prompt, in the order of ``prompts``.

    Each continues its prompt byte for byte up to the end of the function under way (see
    ``boundary`` and ``stopping``). Equal prompts are completed once. A prompt that leaves no room
    for ``max_new_tokens`` in the model's window is not cut: its completion is empty, with
    ``finish_reason`` "window". In float32 a completion does not depend on the prompts beside it.
    ``on_progress(done, total)`` counts completions that are not repeats. Raises ModelError when
    the tokenizer's tokens have no fixed bytes.
    """
    from steadycode.generation.engine import Engine

    vocabulary = Vocabulary(model.tokenizer)
    window = _window(model.model)
    # greedy samples are all alike
    samples = decoding.samples if decoding.temperature > 0 else 1
    done: dict[tuple[str, int], Completion] = {}
    requests: list[Request] = []
    for prompt in dict.fromkeys(prompts):
        healed = vocabulary.heal(prompt)
        fits = _longest(healed) + decoding.max_new_tokens <= window
        for sample in range(samples):
            if fits:
                requests.append(Request(prompt, sample, healed))
            else:
                done[prompt, sample] = _too_long(prompt, sample)
    finished = Engine(model, vocabulary, decoding, seed).run(requests)
    total = len(done) + len(requests)
    for prompt in prompts:
        for sample in range(decoding.samples):
            key = prompt, sample % samples
            while key not in done:
                completion = next(finished)
                done[completion.prompt, completion.sample] = completion
                if on_progress:
                    on_progress(len(done), total)
            yield replace(done[key], sample=sample)


def _longest(healed: Healed) -> int:
    """Tokens of the prompt at most: what is owed may be written byte by byte."""
    return len(healed.tokens) + len(healed.owed)


def _window(model: Any) -> float:
    config = model.config.get_text_config()
    return getattr(config, "max_position_embeddings", None) or math.inf


def _too_long(prompt: str, sample: int) -> Completion:
    return Completion(
        prompt=prompt, sample=sample, text="", finish_reason="window", mean_logprob=-math.inf
    )
