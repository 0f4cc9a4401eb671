"""One pass through a model gives its hidden states and its own logits, whatever its family."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from steadycode.models.batches import Batch, collate
from steadycode.models.forward import single_pass
from tests.builders.families import FAMILIES, family, token_ids


@pytest.fixture
def sequences() -> list[list[int]]:
    return [token_ids(n, seed=n) for n in (31, 9, 17, 4)]


@pytest.mark.parametrize("name", [*FAMILIES, "granite", "gemma2"])
def test_the_cross_entropy_is_that_of_the_models_own_logits(
    name: str, sequences: list[list[int]]
) -> None:
    model = family(name)
    batch = collate([[s] for s in sequences], pad_id=0)
    with torch.no_grad():
        hidden, head = single_pass(model)(batch.inputs, None)
        out = model(batch.inputs, output_hidden_states=True)
    expected = functional.cross_entropy(
        out.logits[batch.mask].double(), batch.targets[batch.mask], reduction="sum"
    )
    assert head.cross_entropy(batch.scored, batch.targets).item() == pytest.approx(float(expected))
    torch.testing.assert_close(hidden, out.hidden_states[-1])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", [*FAMILIES, "granite"])
def test_a_packed_row_equals_its_sequences(
    name: str, training: bool, sequences: list[list[int]]
) -> None:
    """Also while gradients are checkpointed; without dropout, which would draw otherwise."""
    changes = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0} if name == "gpt2" else {}
    model = family(name, **changes).train(training)
    forward = single_pass(model)

    def run(batch: Batch) -> tuple[float, Tensor, list[Tensor]]:
        hidden, head = forward(batch.inputs, batch.positions)
        loss = head.cross_entropy(batch.scored, batch.targets)
        loss.backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        model.zero_grad(set_to_none=True)
        return loss.item(), hidden[batch.mask], gradients

    loss, hidden, gradients = run(collate([[s] for s in sequences], pad_id=0))
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        packed = run(collate([sequences], pad_id=0))
        assert packed[0] == pytest.approx(loss, rel=1e-5)
        torch.testing.assert_close(packed[1], hidden, rtol=1e-5, atol=1e-5)
        for a, b in zip(packed[2], gradients, strict=True):
            assert (a - b).norm() <= 1e-5 * b.norm() + 1e-6


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
