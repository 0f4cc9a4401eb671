import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.normalizers import Lowercase
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import cross_entropy

from steadycode.contraclm.sequences import cut_document
from steadycode.errors import ModelError
from steadycode.generation.boundary import Vocabulary
from steadycode.measures.heldout import document_losses
from steadycode.models.tokens import (
    beginning,
    encode,
    encode_text,
    end_of_text,
    tokenizer_fingerprint,
)
from tests.builders.families import family


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


@pytest.fixture
def marking(tokenizer: Any, tmp_path: Path) -> Any:
    """Puts a token before every text and another behind it."""
    other = _copy(tokenizer, tmp_path / "marking")
    other.add_special_tokens({"bos_token": "<s>", "sep_token": "</s>"})
    first, last = other.bos_token_id, other.sep_token_id
    other.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", first), ("</s>", last)]
    )
    return other


def test_what_stands_before_every_text_is_the_tokenizers(tokenizer: Any, marking: Any) -> None:
    assert beginning(tokenizer) == ()
    assert beginning(marking) == (marking.bos_token_id,)
    assert encode_text(marking, "a = 1\n") == [marking.bos_token_id, *encode(tokenizer, "a = 1\n")]


def test_training_held_out_loss_and_prompts_begin_alike(tokenizer: Any, marking: Any) -> None:
    document = "def f(x):\n    return x\n"
    begin, ids = marking.bos_token_id, encode(tokenizer, document)
    first, *others = cut_document(marking, document, 6)
    assert [*first, *(token for piece in others for token in piece[1:])] == [
        begin, *ids, tokenizer.eos_token_id,
    ]  # fmt: skip
    assert Vocabulary(marking).heal(document).tokens[:3] == (begin, *ids[:2])
    model = family("llama", vocab_size=len(marking))
    (measured,) = document_losses(model, marking, [document], max_tokens=8).values()
    row = torch.tensor([[begin, *ids[:7]]])
    with torch.no_grad():
        expected = cross_entropy(model(row[:, :-1]).logits[0], row[0, 1:])
    assert measured.tokens == 7
    assert measured.loss == pytest.approx(float(expected), rel=1e-5)


def test_an_empty_document_is_nothing_to_train_on(marking: Any) -> None:
    assert cut_document(marking, "", 6) == []


def test_another_beginning_is_another_tokenizer(marking: Any) -> None:
    before = tokenizer_fingerprint(marking)
    marking.backend_tokenizer.post_processor = TemplateProcessing(single="$A")
    assert tokenizer_fingerprint(marking) != before
