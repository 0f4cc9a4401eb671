"""Turns text into token ids, without special tokens that nobody asked for."""

from typing import Any

from steadycode.errors import ModelError


def encode(tokenizer: Any, document: str) -> list[int]:
    """The document's ids; no special token is added, and none is read out of the text."""
    ids: list[int] = tokenizer(
        document, add_special_tokens=False, split_special_tokens=True
    ).input_ids
    return ids


def end_of_text(tokenizer: Any) -> int:
    """The id of the end-of-text token. Raises ModelError when the tokenizer has none."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "the model's tokenizer has no end-of-text token, so it cannot learn to stop;"
            " set eos_token in its tokenizer_config.json"
        )
    return int(tokenizer.eos_token_id)
