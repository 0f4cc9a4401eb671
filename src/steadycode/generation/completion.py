"""Prompts in, completions out, in any order."""

import importlib.metadata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from steadycode.config import Decoding
from steadycode.files import sha256_json
from steadycode.generation.boundary import Vocabulary
from steadycode.generation.chat import Chat, template_hash
from steadycode.generation.contract import Completion
from steadycode.generation.rows import Request
from steadycode.generation.store import Store
from steadycode.identity import code_hash

if TYPE_CHECKING:
    from steadycode.models import LanguageModel

_LIBRARIES = ("torch", "transformers", "tokenizers")
ENGINE = ", ".join(
    ["steadycode 3", *(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)]
)
"""The engine's name and version, and the libraries below it that decide what a model says."""


def complete(
    model: "LanguageModel",
    prompts: Sequence[str],
    decoding: Decoding,
    *,
    seed: int = 0,
    cache: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_message: Callable[[str], None] | None = None,
) -> Iterator[Completion]:
    """``decoding.samples`` completions of every prompt, each as soon as it is there, in any order:
    ``prompt`` and ``sample`` say which it is.

    In style completion each continues its prompt byte for byte up to the end of the function under
    way (see ``boundary`` and ``stopping``); in style chat it is the code of the reply (see
    ``chat``). Equal prompts are completed once, and so are the samples of a greedy one, which
    are all alike: they are yielded one after another. A prompt that leaves no room for
    ``max_new_tokens`` in the model's window is not cut: its completion is empty, with
    ``finish_reason`` "window". In float32 a completion does not depend on the prompts beside it;
    otherwise it is decided by all the ``prompts`` (see ``batches``).

    ``cache`` is a folder in which completions are kept and found again. ``on_progress(done,
    total)`` counts completions that are not repeats; ``on_message`` is told how many were found,
    and when memory ran out. Raises ModelError when the tokenizer's tokens have no fixed bytes, when
    there is no chat template, and when one prompt alone is too much for the memory.
    """
    from steadycode.generation.batches import finish, plan
    from steadycode.generation.decoding import Decoder
    from steadycode.models.windows import window

    exact = model.model.dtype.itemsize >= 4  # float32
    wanted = Counter(prompts)
    samples = decoding.samples if decoding.temperature > 0 else 1  # greedy samples are all alike
    vocabulary = Vocabulary(model.tokenizer)
    ask = Chat(model.tokenizer, vocabulary).ask if decoding.style == "chat" else vocabulary.heal
    asked = {prompt: ask(prompt) for prompt in wanted}
    requests = [Request(p, number, asked[p]) for p in wanted for number in range(samples)]
    room = window(model.model) - decoding.max_new_tokens
    short = [request for request in requests if request.longest <= room]
    too_long = [_too_long(request) for request in requests if request.longest > room]

    def progress(finished: int) -> None:
        if on_progress:
            on_progress(len(too_long) + finished, len(requests))

    decoder = Decoder(model, vocabulary, decoding, seed)
    finished = finish(
        decoder,
        Store(cache and cache / model.fingerprint / f"{_conditions(model, decoding, seed)}.jsonl"),
        plan(short, decoder.batch_size, exact),
        exact,
        on_message or (lambda text: None),
        progress,
    )
    for completion in chain(too_long, finished):
        for _ in range(wanted[completion.prompt]):
            for repeat in range(decoding.samples // samples):
                yield replace(completion, sample=completion.sample + repeat)


def _conditions(model: "LanguageModel", decoding: Decoding, seed: int) -> str:
    """A hash of what decides a completion beside the model, the prompt and its batch."""
    from steadycode.models.loading import device_class

    chance = [decoding.temperature, decoding.top_p, seed] if decoding.temperature > 0 else None
    chat = {"template": template_hash(model.tokenizer)} if decoding.style == "chat" else {}
    return sha256_json(
        {
            **chat,
            "engine": [ENGINE, code_hash("generation")],
            "dtype": str(model.model.dtype),
            "device": device_class(model.device),
            "style": decoding.style,
            "max_new_tokens": decoding.max_new_tokens,
            "chance": chance,
        }
    )[:32]


def _too_long(request: Request) -> Completion:
    return Completion(
        prompt=request.prompt,
        sample=request.sample,
        text="",
        finish_reason="window",
        mean_logprob=None,
    )
