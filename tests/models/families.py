"""What each family of transformers' causal models gives here, beside what transformers says.

``python -m tests.models.families [FAMILY ...]`` prints a table: training in four modes and with
packing, generation and held-out loss are right, refused in one line, or wrong.
"""

import math
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from steadycode.config import Decoding, TrainConfig
from steadycode.contraclm.sequences import training_sequences
from steadycode.contraclm.trainer import train
from steadycode.errors import SteadycodeError
from steadycode.generation import complete
from steadycode.generation.boundary import Healed, Vocabulary
from steadycode.generation.rows import Request, Row
from steadycode.measures.heldout import document_losses
from steadycode.models import LanguageModel, load
from steadycode.models.tiny import tiny_tokenizer
from tests.builders.families import VOCABULARY
from tests.builders.zoo import NAMES, tiny

MODES = ("mle", "token", "sequence", "both")
CELLS = (*MODES, "packing", "generate", "held-out")
DOCUMENTS = [
    "def add(a, b):\n    return a + b\n",
    "import os\n\n\ndef size(path):\n    return os.stat(path).st_size\n",
    "class Box:\n    def __init__(self, content):\n        self.content = content\n",
    "for n in range(3):\n    print(n)\n",
]
PROMPTS = [
    "def f(x):\n",
    "def longer(a, b):\n    c = a + b\n    return c",
    "x",
    "while True:\n    ",
]
GREEDY = Decoding(max_new_tokens=12, batch_size=3)
SEQUENCE_LENGTH = 24


def outcome(cell: str, folder: Path) -> str:
    """ "right", "refused: …", or "wrong: …" with what was raised or differs."""
    try:
        here = load(folder, "float32")
        fault = _CHECKS[cell](here.model, here.tokenizer)
    except SteadycodeError as error:
        return f"refused: {error}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(str(error).split())[:120]
        return f"wrong: {type(error).__name__} in {place.name}: {reason}"
    return f"wrong: {fault}" if fault else "right"


def saved(name: str, folder: Path) -> Path:
    """The folder, in which a tiny model of the family is saved, and the tokenizer beside it."""
    tiny(name).save_pretrained(folder)
    tiny_tokenizer(VOCABULARY).save_pretrained(folder)
    return folder


def _train(model: Any, tokenizer: Any, **changes: Any) -> str:
    """Two steps; the first one's loss is that of the sequences one by one."""
    settings = TrainConfig(
        **{
            "steps": 2, "batch_size": 6, "micro_batch_size": 3, "sequence_length": SEQUENCE_LENGTH,
            "warmup_steps": 1, "precision": "fp32", **changes,
        }
    )  # fmt: skip
    drawn = training_sequences(tokenizer, DOCUMENTS, SEQUENCE_LENGTH, seed=0)
    sequences = list(islice(drawn, settings.steps * settings.batch_size))
    expected = _mean(_loss(model, ids) for ids in sequences[: settings.batch_size])
    before = [weight.clone() for weight in model.parameters()]
    told: dict[str, list[float]] = {}

    def tell(metric: str, value: float, step: int) -> None:
        told.setdefault(metric, []).append(value)

    train(model, tokenizer, iter(sequences), settings, seed=0, on_metric=tell)
    if not all(math.isfinite(value) for values in told.values() for value in values):
        return "a figure is not finite"
    if all(map(torch.equal, before, model.parameters())):
        return "no weight changed"
    return _differ("loss", told["train/loss_mle"][0], expected)


def _generate(model: Any, tokenizer: Any) -> str:
    """The texts are those of one prompt at a time by transformers' own ``generate``; or, where that
    says something else than the model's forward passes or fails, by these."""
    vocabulary = Vocabulary(tokenizer)
    ours = complete(LanguageModel(model, tokenizer, "cpu", "tiny"), PROMPTS, GREEDY)
    for completion in sorted(ours, key=lambda one: PROMPTS.index(one.prompt)):
        expected = []
        for write in (_by_generate, _by_forward_passes):
            with suppress(Exception):  # as some families' caches raise
                expected.append(
                    _text(
                        completion.prompt, write(model, vocabulary, completion.prompt), vocabulary
                    )
                )
        if completion.text not in expected:
            return f"{completion.text!r} for {expected!r} after {completion.prompt!r}"
    return ""


def _by_generate(model: Any, vocabulary: Vocabulary, prompt: str) -> list[int]:
    healed = vocabulary.heal(prompt)
    begin = len(healed.tokens)
    tokens: list[int] = model.generate(
        torch.tensor([healed.tokens]),
        attention_mask=torch.ones(1, begin, dtype=torch.int64),
        max_new_tokens=GREEDY.max_new_tokens + len(healed.owed),
        do_sample=False,
        prefix_allowed_tokens_fn=lambda _, ids: _allowed(vocabulary, healed, ids[begin:].tolist()),
    )[0, begin:].tolist()
    return tokens


def _by_forward_passes(model: Any, vocabulary: Vocabulary, prompt: str) -> list[int]:
    healed = vocabulary.heal(prompt)
    tokens: list[int] = []
    for _ in range(GREEDY.max_new_tokens + len(healed.owed)):
        with torch.no_grad():
            ids = torch.tensor([[*healed.tokens, *tokens]])
            logits = model(input_ids=ids, use_cache=False).logits[0, -1]
        allowed = _allowed(vocabulary, healed, tokens)
        tokens.append(allowed[int(logits[allowed].argmax())])
    return tokens


def _allowed(vocabulary: Vocabulary, healed: Healed, tokens: list[int]) -> list[int]:
    written = b"".join(vocabulary.written.get(token, b"") for token in tokens)
    owed = healed.owed[len(written) :]
    return vocabulary.allowed(owed) if owed else list(range(VOCABULARY))


def _text(prompt: str, tokens: list[int], vocabulary: Vocabulary) -> str | None:
    """What counts of the tokens, up to where a completion ends."""
    row = Row(Request(prompt, 0, vocabulary.heal(prompt)), vocabulary, [0], GREEDY, None)
    for token in tokens:
        if row.completion is None:
            row.accept(token, 0.0)
    return row.completion and row.completion.text


def _held_out(model: Any, tokenizer: Any) -> str:
    found = document_losses(model, tokenizer, DOCUMENTS, max_tokens=SEQUENCE_LENGTH)
    expected = [_loss(model, tokenizer(one).input_ids[:SEQUENCE_LENGTH]) for one in DOCUMENTS]
    counts = sorted(len(one) for one in expected)
    if sorted(one.tokens for one in found.values()) != counts:
        return "other numbers of tokens"
    got = sorted(one.loss for one in found.values())
    pairs = zip(got, sorted(float(one.mean()) for one in expected), strict=True)
    return next((fault for a, b in pairs if (fault := _differ("loss", a, b))), "")


def _loss(model: Any, ids: Sequence[int]) -> torch.Tensor:
    """-log p of every id but the first, by transformers' forward of this sequence alone."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids[:-1]]), use_cache=False).logits[0].float()
    return cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")


def _mean(losses: Any) -> float:
    return float(torch.cat(list(losses)).mean())


def _differ(what: str, got: float, expected: float) -> str:
    return (
        ""
        if abs(got - expected) <= 1e-4 * abs(expected)
        else f"{what} {got:.5f} for {expected:.5f}"
    )


_CHECKS: dict[str, Callable[[Any, Any], str]] = {
    **{
        mode: lambda model, tokenizer, mode=mode: _train(model, tokenizer, mode=mode)
        for mode in MODES
    },
    "packing": lambda model, tokenizer: _train(model, tokenizer, mode="both", packing=True),
    "generate": _generate,
    "held-out": _held_out,
}


def main(names: Sequence[str]) -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore")
    print("| family | " + " | ".join(CELLS) + " |\n" + "|---" * (1 + len(CELLS)) + "|")
    for name in names:
        with TemporaryDirectory() as folder:
            made = saved(name, Path(folder))
            cells = [outcome(cell, made) for cell in CELLS]
        print(f"| {name} | " + " | ".join(cell.split(":")[0] for cell in cells) + " |", flush=True)
        for what, cell in zip(CELLS, cells, strict=True):
            if cell != "right":
                print(f"  {what}: {cell}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
