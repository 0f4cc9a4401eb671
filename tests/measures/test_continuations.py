import math
from typing import Any

import pytest
import torch

from steadycode.errors import ConfigError, DataError
from steadycode.measures.continuations import continued, last_states, mauve, perplexity
from steadycode.models.tokens import encode


def test_continuations_have_the_length_asked_for_and_one_seed_gives_the_same(
    model: Any, tokenizer: Any, documents: list[str]
) -> None:
    texts = ["too short", *documents[:20]]
    drawn = [
        continued(model, tokenizer, texts, prefix_tokens=4, new_tokens=9, seed=seed)
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0].model != drawn[2].model
    assert drawn[0].people == drawn[2].people
    assert len(drawn[0].model) == 20
    for document, prefix, people in zip(texts[1:], drawn[0].prefixes, drawn[0].people, strict=True):
        assert document.startswith(prefix + people)


def test_what_cannot_be_continued_is_refused(
    model: Any, tokenizer: Any, documents: list[str]
) -> None:
    with pytest.raises(DataError, match="0 of 40 documents have 200 tokens"):
        continued(model, tokenizer, documents, prefix_tokens=100, new_tokens=100)
    with pytest.raises(ConfigError, match="300 tokens are asked for, but the model reads at most"):
        continued(model, tokenizer, documents, prefix_tokens=200, new_tokens=100)


def test_perplexity_counts_the_continuations_tokens_alone(model: Any, tokenizer: Any) -> None:
    prefixes, continuations = ["def f(x):", "y ="], ["\n    return x", " 3 * x\n"]
    losses = []
    for prefix, text in zip(prefixes, continuations, strict=True):
        before, ids = encode(tokenizer, prefix), encode(tokenizer, text)
        row = before + ids
        with torch.no_grad():
            log_p = model(torch.tensor([row])).logits[0].log_softmax(-1)
        losses += [-log_p[i - 1, row[i]].item() for i in range(len(before), len(row))]
    expected = math.exp(sum(losses) / len(losses))
    assert perplexity(model, tokenizer, prefixes, continuations) == pytest.approx(expected)


def test_mauve_is_high_for_the_same_texts_and_low_for_others(
    model: Any, tokenizer: Any, documents: list[str]
) -> None:
    pytest.importorskip("mauve", reason="the extra text is not installed")
    assert last_states(model, tokenizer, ["", "a b"]).shape == (2, 32)
    texts = [document + "abcdefghij"[at % 10] for at, document in enumerate(documents)]
    same = mauve(model, tokenizer, texts, texts[::-1])
    other = mauve(model, tokenizer, texts, ["0" * (n + 1) for n in range(40)])
    assert same > 0.95
    assert other < 0.5
    assert mauve(model, tokenizer, texts, texts[::-1]) == same
