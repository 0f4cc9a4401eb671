from typing import Any

import pytest

from steadycode.errors import ModelError
from steadycode.models.tokens import encode, end_of_text


def test_special_tokens_in_the_text_are_text(tokenizer: Any) -> None:
    document = "END = '<|endoftext|>'\n"
    ids = encode(tokenizer, document)
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids) == document


def test_a_tokenizer_without_end_is_refused(tokenizer: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    endless = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    with pytest.raises(ModelError, match="no end-of-text token"):
        end_of_text(endless)
