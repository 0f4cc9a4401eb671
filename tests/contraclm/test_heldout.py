import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from steadycode.contraclm import representation
from steadycode.files import sha256_text
from steadycode.measures.heldout import document_losses, measure
from steadycode.models import batches
from steadycode.models.forward import single_pass
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
    model.train()
    measured = measure(model, tokenizer, documents[:6], max_tokens=60)
    assert model.training  # as it was found
    assert measured.losses == document_losses(model, tokenizer, documents[:6], max_tokens=60)
    assert measured.representation == representation.measure(
        model, tokenizer, documents[:6], max_tokens=60
    )
    weighted = [(d.loss * d.tokens, d.tokens) for d in measured.losses.values()]
    mean = sum(x for x, _ in weighted) / sum(n for _, n in weighted)
    assert measured.loss == pytest.approx(mean, rel=1e-12)
    assert measured.perplexity == pytest.approx(math.exp(mean), rel=1e-12)


def test_representation_is_that_of_the_last_hidden_state(
    model: Any, tokenizer: Any, documents: list[str]
) -> None:
    document = documents[0]
    got = representation.measure(model, tokenizer, [document, documents[1] * 2], max_tokens=200)
    intra = []
    for text in (document, documents[1] * 2):
        ids = torch.tensor([encode(tokenizer, text)])
        with torch.no_grad():
            h = model(ids, output_hidden_states=True).hidden_states[-1][0, :-1].double()
        cosines = torch.cosine_similarity(h[:, None], h[None], dim=-1)
        n = len(h)
        intra.append((cosines.sum() - n).item() / (n * (n - 1)))
    assert got["intra_similarity"] == pytest.approx(sum(intra) / 2, rel=1e-5)
    assert got["isotropy"] == 1 - got["intra_similarity"]
    assert set(got) == {"intra_similarity", "isotropy", "inter_similarity", "uniformity"}


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


@pytest.mark.parametrize("family", ["llama", "granite"])
def test_logits_are_the_models_own(family: str, make_model: Callable[..., Any]) -> None:
    """Granite scales its logits, so the head alone would be wrong."""
    if family == "granite":
        from transformers import GraniteConfig, GraniteForCausalLM

        torch.manual_seed(0)
        model: Any = GraniteForCausalLM(
            GraniteConfig(
                vocab_size=64,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                logits_scaling=8.0,
            )
        ).eval()
    else:
        model = make_model(vocab_size=64)
    ids = torch.randint(64, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.rand(2, 9, generator=torch.Generator().manual_seed(1)) < 0.5
    with torch.no_grad():
        out = model(ids, output_hidden_states=True)
        hidden, head = single_pass(model)(ids, None)
        logits = head.logits(mask.flatten().nonzero().squeeze(1))
    torch.testing.assert_close(hidden, out.hidden_states[-1])
    torch.testing.assert_close(logits, out.logits[mask])
    way = single_pass(model).__name__  # type: ignore[attr-defined]
    assert way == ("through_model" if family == "granite" else "through_trunk")
