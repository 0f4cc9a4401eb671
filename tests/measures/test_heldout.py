import math
from typing import Any

import pytest
import torch

from steadycode.files import sha256_text
from steadycode.measures.heldout import document_losses, measure
from steadycode.models import batches
from steadycode.models.tokens import encode


def obvious_loss(model: Any, ids: list[int]) -> float:
    """One document at a time, one token at a time."""
    with torch.no_grad():
        log_p = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return -sum(log_p[i, ids[i + 1]].item() for i in range(len(ids) - 1)) / (len(ids) - 1)


def test_each_document_alone_gives_the_same_loss(
    model: Any, tokenizer: Any, documents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_TOKENS", 150)
    documents = [documents[0] * 3, *documents[:5], "x"]
    got = document_losses(model, tokenizer, documents, max_tokens=60)
    assert len(got) == 6  # "x" is one token: nothing to predict
    for document in documents[:6]:
        ids = encode(tokenizer, document)[:60]
        assert got[sha256_text(document)].tokens == len(ids) - 1
        assert got[sha256_text(document)].loss == pytest.approx(obvious_loss(model, ids), rel=1e-5)


def test_one_pass_serves_both(model: Any, tokenizer: Any, documents: list[str]) -> None:
    rows: list[int] = []
    model.train()
    model.get_decoder().register_forward_pre_hook(
        lambda module, arguments, options: rows.append(len(options["input_ids"])),
        with_kwargs=True,
    )
    measured = measure(model, tokenizer, documents[:6], max_tokens=60)
    assert model.training  # as it was found
    assert sum(rows) == 2 + 6  # two rows tell how the head is applied; then each document once
    assert measured.losses == document_losses(model, tokenizer, documents[:6], max_tokens=60)
    weighted = [(d.loss * d.tokens, d.tokens) for d in measured.losses.values()]
    mean = sum(x for x, _ in weighted) / sum(n for _, n in weighted)
    assert measured.loss == pytest.approx(mean, rel=1e-12)
    assert measured.perplexity == pytest.approx(math.exp(mean), rel=1e-12)


def test_progress_reaches_the_number_of_documents(
    model: Any, tokenizer: Any, documents: list[str]
) -> None:
    seen: list[tuple[int, int]] = []
    measure(
        model,
        tokenizer,
        [*documents[:3], ""],
        max_tokens=32,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (4, 4)


def test_nothing_to_measure_is_nan(model: Any, tokenizer: Any) -> None:
    measured = measure(model, tokenizer, ["", "x"], max_tokens=32)
    assert measured.losses == {}
    assert math.isnan(measured.loss)
