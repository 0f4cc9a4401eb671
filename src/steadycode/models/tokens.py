"""Turns text into token ids, without special tokens that nobody asked for."""

import json
from typing import Any

from steadycode.errors import ModelError
from steadycode.files import sha256_json


def encode(tokenizer: Any, document: str) -> list[int]:
    """The document's ids; no special token is added, and none is read out of the text."""
    ids: list[int] = tokenizer(
        document, add_special_tokens=False, split_special_tokens=True
    ).input_ids
    return ids


def beginning(tokenizer: Any) -> tuple[int, ...]:
    """The special tokens that the tokenizer, asked by its usual call, puts before a text: what
    its model has seen before every text. Training, held-out loss and generation all begin so."""
    bare = encode(tokenizer, "a")
    usual = list(tokenizer("a").input_ids)
    at = next((k for k in range(len(usual)) if usual[k : k + len(bare)] == bare), 0)
    return tuple(usual[:at])


def encode_text(tokenizer: Any, document: str) -> list[int]:
    """The document's ids behind what stands before every text; no other special token is added,
    and none is read out of the document."""
    return [*beginning(tokenizer), *encode(tokenizer, document)]


def end_of_text(tokenizer: Any) -> int:
    """The id of the end-of-text token. Raises ModelError when the tokenizer has none."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "the model's tokenizer has no end-of-text token, so it cannot learn to stop;"
            " set eos_token in its tokenizer_config.json"
        )
    return int(tokenizer.eos_token_id)


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """The sha256 of all that decides into which ids a text is cut: vocabulary, merges,
    normalisation, the added and special tokens, and those before every text.

    It is taken of the tokenizer in memory, so that files which say the same in another form, as
    those of a model that was saved again, have the same fingerprint.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not hasattr(backend, "to_str"):  # of transformers' own, without a file
        rules: Any = {"vocabulary": tokenizer.get_vocab(), "kind": type(tokenizer).__name__}
    else:
        rules = json.loads(backend.to_str())
        for of_the_last_call in ("truncation", "padding"):
            rules.pop(of_the_last_call, None)
    special = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return sha256_json([rules, special, beginning(tokenizer)])
