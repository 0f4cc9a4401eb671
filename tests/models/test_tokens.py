import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers.normalizers import Lowercase

from steadycode.errors import ModelError
from steadycode.models.tokens import encode, end_of_text, tokenizer_fingerprint


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


def _copy(tokenizer: Any, folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def test_a_tokenizer_saved_and_used_is_the_same(tokenizer: Any, tmp_path: Path) -> None:
    before = tokenizer_fingerprint(tokenizer)
    copy = _copy(tokenizer, tmp_path / "copy")
    copy(["a", "b c d e"], padding=True, truncation=True, max_length=3)
    assert tokenizer_fingerprint(copy) == before
    file = tmp_path / "copy" / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()), indent=7))
    assert tokenizer_fingerprint(_copy(copy, tmp_path / "again")) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda tokenizer: tokenizer.add_tokens(["def "]),
        lambda tokenizer: tokenizer.add_special_tokens({"pad_token": "<|pad|>"}),
        lambda tokenizer: setattr(tokenizer, "eos_token", "a"),
        lambda tokenizer: setattr(tokenizer.backend_tokenizer, "normalizer", Lowercase()),
    ],
    ids=["added", "special", "end", "normalised"],
)
def test_what_cuts_texts_another_way_is_another_tokenizer(
    tokenizer: Any, tmp_path: Path, change: Callable[[Any], object]
) -> None:
    other = _copy(tokenizer, tmp_path / "copy")
    change(other)
    assert tokenizer_fingerprint(other) != tokenizer_fingerprint(tokenizer)
