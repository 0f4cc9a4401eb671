"""How good a model's free text is: perplexity of its continuations, and MAUVE against people's.

The published evaluation names no settings, so the defaults here are those of the work before it:
nucleus sampling with p = 0.95, 128 tokens after the first 32 of each document. MAUVE (Pillutla et
al., 2021) compares two clouds of features, which are made by another model that the user names.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from steadycode.errors import ConfigError, DataError
from steadycode.models.forward import evaluating, single_pass
from steadycode.models.tokens import encode
from steadycode.models.windows import window
from steadycode.randomness import derive_seed

BATCH = 16
"""Documents that are continued at a time."""


@dataclass(frozen=True, slots=True)
class Continued:
    """How a person and how the model went on after each prefix, all equally long in tokens."""

    prefixes: tuple[str, ...]
    people: tuple[str, ...]
    model: tuple[str, ...]


def continued(
    model: Any,
    tokenizer: Any,
    documents: Sequence[str],
    *,
    prefix_tokens: int = 32,
    new_tokens: int = 128,
    top_p: float = 0.95,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Continued:
    """Sample one continuation for each document that is long enough.

    Equal seeds on one machine give equal texts. Raises DataError when fewer than two documents
    have ``prefix_tokens + new_tokens`` ids, and ConfigError when the model cannot read so many.
    """
    length = prefix_tokens + new_tokens
    longest = window(model)
    if length > longest:
        raise ConfigError(f"{length} tokens are asked for, but the model reads at most {longest}")
    ids = _beginnings(tokenizer, documents, length)
    devices = [model.device] if model.device.type == "cuda" else []
    written: list[list[int]] = []
    with torch.random.fork_rng(devices=devices), evaluating(model):
        for start in range(0, len(ids), BATCH):
            torch.manual_seed(derive_seed(seed, "continuations", start))
            rows = torch.tensor([row[:prefix_tokens] for row in ids[start : start + BATCH]])
            rows = rows.to(model.device)
            out = model.generate(
                rows,
                attention_mask=torch.ones_like(rows),  # all have the same length
                do_sample=True,
                temperature=1.0,
                top_p=top_p,
                top_k=0,
                min_new_tokens=new_tokens,
                max_new_tokens=new_tokens,
                pad_token_id=tokenizer.eos_token_id or 0,
            )
            written += out[:, prefix_tokens:].tolist()
            if on_progress:
                on_progress(len(written), len(ids))
    decode = tokenizer.decode
    return Continued(
        prefixes=tuple(decode(row[:prefix_tokens]) for row in ids),
        people=tuple(decode(row[prefix_tokens:]) for row in ids),
        model=tuple(decode(row) for row in written),
    )


def _beginnings(tokenizer: Any, documents: Sequence[str], length: int) -> list[list[int]]:
    """The first ``length`` ids of each document with so many. Raises DataError below two."""
    encoded = (encode(tokenizer, text)[:length] for text in documents)
    ids = [tokens for tokens in encoded if len(tokens) == length]
    if len(ids) < 2:
        raise DataError(
            f"{len(ids)} of {len(documents)} documents have {length} tokens; give longer ones,"
            " or ask for fewer tokens"
        )
    return ids


def perplexity(
    model: Any, tokenizer: Any, prefixes: Sequence[str], continuations: Sequence[str]
) -> float:
    """The perplexity of all continuations' tokens under ``model``, each after its prefix; NaN
    when there are none."""
    forward = single_pass(model)
    total, count = 0.0, 0
    with evaluating(model):
        for prefix, continuation in zip(prefixes, continuations, strict=True):
            before = encode(tokenizer, prefix)
            ids = before + encode(tokenizer, continuation)
            if len(ids) < 2 or len(ids) == len(before):
                continue
            row = torch.tensor([ids], device=model.device)
            scored = torch.arange(max(len(before) - 1, 0), len(ids) - 1, device=model.device)
            _, head = forward(row[:, :-1], None)
            total += float(head.cross_entropy(scored, row[:, 1:]))
            count += len(scored)
    return math.exp(total / count) if count else math.nan


def mauve(
    featuriser: Any, tokenizer: Any, people: Sequence[str], model: Sequence[str], seed: int = 0
) -> float:
    """MAUVE, from 0 to 1, of two lists of texts; 1 means that they cannot be told apart.

    A text's features are the ``featuriser``'s last hidden state of its last token. Short lists
    give high values; MAUVE's authors ask for thousands of texts. Raises ConfigError when mauve-text
    is not installed.
    """
    try:
        from mauve import compute_mauve
    except ImportError as error:
        raise ConfigError(
            "MAUVE needs the package mauve-text; run pip install 'steadycode[text]'"
        ) from error
    p, q = (last_states(featuriser, tokenizer, texts).numpy() for texts in (people, model))
    drawn = derive_seed(seed, "mauve") % 2**31
    result = compute_mauve(p_features=p, q_features=q, device_id=-1, verbose=False, seed=drawn)
    return float(result.mauve)


def last_states(model: Any, tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """The last hidden state of each text's last token, as float32 [texts, D] of length 1."""
    forward = single_pass(model)
    states = []
    with evaluating(model):
        for text in texts:
            ids = encode(tokenizer, text) or [tokenizer.eos_token_id or 0]
            hidden, _ = forward(torch.tensor([ids], device=model.device), None)
            states.append(functional.normalize(hidden[0, -1].float(), dim=0).cpu())
    return torch.stack(states)
