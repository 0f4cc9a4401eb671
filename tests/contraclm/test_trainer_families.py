"""The same code trains every family: forward pass, packing, views, ten steps in every mode."""

import math
import shutil
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch

from steadycode.config import TrainConfig
from steadycode.contraclm.sequences import training_sequences
from steadycode.contraclm.trainer import train
from steadycode.contraclm.views import blocks
from tests.builders.families import FAMILIES, family


def calls_of(module: Any) -> list[None]:
    """Grows by one with each forward pass through ``module``."""
    calls: list[None] = []
    module.register_forward_pre_hook(lambda *given: calls.append(None))
    return calls


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
    passes = {one: calls_of(next(blocks(one)[0].children())) for one in (plain, checkpointed)}
    expected = ten_steps(plain, steps=2)
    got = ten_steps(checkpointed, steps=2, gradient_checkpointing=True)
    micro_batches = 2 * 2
    assert len(passes[checkpointed]) == len(passes[plain]) + micro_batches  # each once more
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
