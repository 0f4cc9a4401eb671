"""The same code trains every family: forward pass, packing, views, ten steps in every mode."""

import math
import shutil
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch
from families import FAMILIES, WITHOUT_DROPOUT, family
from torch import Tensor
from torch.nn import functional

from steadycode.config import TrainConfig
from steadycode.contraclm.sequences import training_sequences
from steadycode.contraclm.trainer import train
from steadycode.contraclm.views import blocks, check_views_differ, set_dropout
from steadycode.errors import ConfigError
from steadycode.models import head_loss
from steadycode.models.batches import Batch, collate
from steadycode.models.forward import single_pass
from steadycode.models.head_loss import linear_cross_entropy


def ids(n: int, seed: int) -> list[int]:
    return torch.randint(1, 300, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.fixture
def sequences() -> list[list[int]]:
    return [ids(n, seed=n) for n in (31, 9, 17, 4)]


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


@pytest.mark.parametrize("bias", [False, True])
def test_chunks_give_the_same_cross_entropy_and_keep_no_logits(
    monkeypatch: pytest.MonkeyPatch, bias: bool
) -> None:
    monkeypatch.setattr(head_loss, "_LOGITS", 900 * 256)  # three chunks
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(600, 16, generator=generator), torch.randn(900, 16, generator=generator)]
    given += [torch.randn(900, generator=generator)] * bias
    targets = torch.randint(900, (600,), generator=generator)

    def gradients(chunked: bool) -> tuple[float, list[Tensor], list[int]]:
        leaves = [x.clone().requires_grad_() for x in given]
        hidden, weight, b = leaves if bias else (*leaves, None)
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(x.numel()) or x, lambda x: x
        ):
            if chunked:
                loss = linear_cross_entropy(hidden, weight, b, targets)
            else:
                logits = functional.linear(hidden, weight, b).float()
                loss = functional.cross_entropy(logits, targets, reduction="sum")
        assert loss.dtype == torch.float32
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item(), [x.grad for x in leaves if x.grad is not None], kept

    for dtype, tolerance in ((None, 1e-5), (torch.bfloat16, 2e-2)):
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            expected, there, plain = gradients(chunked=False)
            got, here, kept = gradients(chunked=True)
        assert got == pytest.approx(expected, rel=1e-6)  # the softmax is float32 in both
        for a, b in zip(here, there, strict=True):
            assert (a - b).norm() <= tolerance * b.norm()
        assert max(plain) == 600 * 900
        assert max(kept, default=0) < 600 * 900 / 10


def test_no_positions_have_no_loss_and_zero_gradients() -> None:
    """Another process may hold all of a batch, and waits for these."""
    hidden, weight = torch.ones(0, 4).requires_grad_(), torch.ones(9, 4).requires_grad_()
    loss = linear_cross_entropy(hidden, weight, None, torch.ones(0, dtype=torch.int64))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert weight.grad is not None
    assert not weight.grad.any()


@pytest.mark.parametrize("name", FAMILIES)
def test_dropout_set_in_a_built_model_makes_two_views(name: str) -> None:
    model = family(name).train()
    batch = torch.tensor([ids(24, 0), ids(24, 1)])
    mask = torch.ones_like(batch, dtype=torch.bool)

    def views() -> tuple[Tensor, Tensor]:
        trunk = model.get_decoder()
        first, second = trunk(torch.cat([batch, batch]), use_cache=False)[0].chunk(2)
        return first, second

    if name in WITHOUT_DROPOUT:
        with pytest.raises(ConfigError, match=r"no dropout in effect; set train.views=functional"):
            check_views_differ(*views(), mask)
    model.config.attention_dropout = 0.1  # which nothing reads any more
    set_dropout(model, 0.1)
    check_views_differ(*views(), mask)
    cosine = functional.cosine_similarity(*views(), dim=-1).mean()
    assert 0.5 < cosine < 0.9999
    model.eval()
    with pytest.raises(ConfigError, match="no dropout in effect"):
        check_views_differ(*views(), mask)


@pytest.mark.parametrize("name", FAMILIES)
def test_dropout_of_the_last_blocks_leaves_the_others_alone(name: str) -> None:
    model = family(name).train()
    set_dropout(model, 0.3, last_blocks=1)
    seen: list[Tensor] = []
    for block in blocks(model):
        block.register_forward_hook(
            lambda module, given, out: seen.append(out[0] if isinstance(out, tuple) else out)
        )
    batch = torch.tensor([ids(24, 0)] * 2)
    model.get_decoder()(batch, use_cache=False)
    same = [torch.equal(*states) for states in seen]
    assert same == [True, True, False]


def test_more_blocks_than_there_are_or_nothing_to_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"dropout_layers is 4, but the model has 3 blocks"):
        set_dropout(family("llama"), 0.1, last_blocks=4)
    with pytest.raises(ConfigError, match=r"no dropout of its own.* set train.views=functional"):
        model = family("llama")
        for block in blocks(model):
            del block.self_attn.attention_dropout
        set_dropout(model, 0.1)


@pytest.fixture
def ten_steps(tokenizer: Any, documents: list[str]) -> Callable[..., dict[str, list[float]]]:
    def run(model: Any, **changes: Any) -> dict[str, list[float]]:
        settings = TrainConfig(
            **{
                "steps": 10, "batch_size": 4, "micro_batch_size": 2, "sequence_length": 24,
                "learning_rate": 5e-3, "warmup_steps": 1, "precision": "fp32",
                "token_weight": 0.1, "sequence_weight": 0.1, **changes,
            }
        )  # fmt: skip
        told: dict[str, list[float]] = {}
        train(
            model,
            tokenizer,
            islice(training_sequences(tokenizer, documents, 24, seed=0), 40),
            settings,
            seed=0,
            on_metric=lambda name, value, step: told.setdefault(name, []).append(value),
        )
        return told

    return run


@pytest.mark.parametrize("mode", ["mle", "token", "sequence", "both"])
@pytest.mark.parametrize("name", FAMILIES)
def test_ten_steps(name: str, mode: str, ten_steps: Any) -> None:
    told = ten_steps(family(name), mode=mode)
    assert all(math.isfinite(value) for values in told.values() for value in values)
    losses = told["train/loss_mle"]
    assert len(losses) == 10
    assert sum(losses[-3:]) / 3 < losses[0] - 0.2


@pytest.mark.parametrize("views", ["two_pass", "last_layers"])
@pytest.mark.parametrize("name", FAMILIES)
def test_ten_steps_with_views_of_two_passes(name: str, views: str, ten_steps: Any) -> None:
    told = ten_steps(family(name), views=views, packing=views == "two_pass")
    assert told["train/loss_mle"][-1] < told["train/loss_mle"][0] - 0.2
    assert all(0.3 < cosine < 0.99999 for cosine in told["train/view_cosine"])


@pytest.mark.parametrize("name", ["codegen", "qwen2", "gpt2"])
def test_gradient_checkpointing_changes_nothing_but_memory(name: str, ten_steps: Any) -> None:
    plain, checkpointed = family(name), family(name)
    expected = ten_steps(plain, steps=2)
    got = ten_steps(checkpointed, steps=2, gradient_checkpointing=True)
    assert got["train/loss"] == pytest.approx(expected["train/loss"], rel=1e-6)
    for a, b in zip(plain.parameters(), checkpointed.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow  # the C++ compiler takes a while
def test_compiled_blocks_give_the_same_losses(ten_steps: Any) -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs a C++ compiler on a CPU")
    expected = ten_steps(family("codegen"), steps=3)
    got = ten_steps(family("codegen"), steps=3, compile=True)
    assert got["train/loss_mle"] == pytest.approx(expected["train/loss_mle"], rel=1e-4)


@pytest.mark.filterwarnings("ignore:fan_in_fan_out")
@pytest.mark.parametrize("name", ["codegen", "gpt2", "llama"])
def test_adapters_alone_are_trained_and_merged(name: str, ten_steps: Any) -> None:
    pytest.importorskip("peft", reason="the extra lora is not installed")
    before, model = family(name), family(name)
    told = ten_steps(model, lora={"rank": 4, "alpha": 16}, learning_rate=2e-2)
    assert told["train/loss_mle"][-1] < told["train/loss_mle"][0] - 0.1
    changed = {
        key
        for key, value in model.state_dict().items()
        if not torch.equal(value, before.state_dict()[key])
    }
    assert model.state_dict().keys() == before.state_dict().keys()
    assert type(model) is type(before)
    assert changed
    for key in changed:
        assert "embed" not in key
        assert "wte" not in key
        assert "lm_head" not in key
        assert "norm" not in key
