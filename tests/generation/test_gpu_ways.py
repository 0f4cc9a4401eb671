"""What a GPU does otherwise, done on the CPU: prompts read together, steps of fixed shape."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from steadycode.config import Decoding
from steadycode.generation import cache, complete, engine
from steadycode.generation.fixed import FixedStep, agree
from steadycode.models import LanguageModel
from steadycode.problems import load_problems

PROMPTS = [problem.prompt for problem in load_problems("humaneval")[:14]]
GREEDY = Decoding(max_new_tokens=20, batch_size=6)
SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 1024},
    "codegen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 1024},
    "gpt_neox": {"rotary_pct": 0.5},
    "llama": {"num_key_value_heads": 1},
    "qwen2": {"num_key_value_heads": 1},
    "starcoder2": {"num_key_value_heads": 1},
    "gemma2": {"num_key_value_heads": 1, "head_dim": 16, "sliding_window": 64},
}


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each fixed step."""
    steps: list[int] = []
    step = FixedStep.__call__

    def counted(self: FixedStep, tokens: Any, lengths: Any, column: int) -> torch.Tensor:
        steps.append(len(tokens))
        return step(self, tokens, lengths, column)

    monkeypatch.setattr(FixedStep, "__call__", counted)
    monkeypatch.setattr(cache, "fixed_shapes", lambda device: True)
    monkeypatch.setattr(engine, "prefill_size", lambda device: 4)
    return steps


def build(name: str, like: LanguageModel) -> LanguageModel:
    torch.manual_seed(0)
    common = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
              "num_attention_heads": 2, "max_position_embeddings": 1024}  # fmt: skip
    own = SMALL[name] if "n_embd" in SMALL[name] else common | SMALL[name]
    config = AutoConfig.for_model(
        name, vocab_size=len(like.tokenizer), bos_token_id=0, eos_token_id=0, pad_token_id=0, **own
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    return LanguageModel(model, like.tokenizer, "cpu", name)


@pytest.mark.parametrize("name", SMALL)
def test_the_same_texts(
    name: str, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, fixed: list[int]
) -> None:
    model = build(name, tiny)
    here = list(complete(model, PROMPTS, GREEDY))
    used = len(fixed)
    assert used == 1 if name == "gemma2" else used > 40  # whose sliding windows need another mask
    with monkeypatch.context() as undone:
        undone.setattr(cache, "fixed_shapes", lambda device: False)
        undone.setattr(engine, "prefill_size", lambda device: 1)
        there = list(complete(model, PROMPTS, GREEDY))
    assert len(fixed) == used
    assert [one.text for one in here] == [one.text for one in there]
    for one, other in zip(here, there, strict=True):
        assert one.mean_logprob == pytest.approx(other.mean_logprob, abs=1e-4)


def test_rows_come_and_go_and_buffers_are_outgrown(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, fixed: list[int]
) -> None:
    monkeypatch.setattr(cache, "_SPARE_FIXED", 7)
    sampled = Decoding(max_new_tokens=24, batch_size=5, samples=3, temperature=0.9)
    here = [one.text for one in complete(tiny, PROMPTS, sampled, seed=3)]
    assert len(fixed) > 100
    assert max(fixed) == 5
    assert min(fixed) < 5
    monkeypatch.setattr(cache, "fixed_shapes", lambda device: False)
    assert here == [one.text for one in complete(tiny, PROMPTS, sampled, seed=3)]


def test_a_model_that_says_something_else_in_fixed_steps_makes_none_after_the_first(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, fixed: list[int]
) -> None:
    expected = [one.text for one in complete(tiny, PROMPTS, GREEDY)]
    fixed.clear()
    right = FixedStep._forward
    monkeypatch.setattr(FixedStep, "_forward", lambda self: right(self).flip(-1))
    assert [one.text for one in complete(tiny, PROMPTS, GREEDY)] == expected
    assert len(fixed) == 1


def test_logits_agree_up_to_rounding() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    assert agree(logits.bfloat16(), logits)
    assert not agree(logits + 0.3, logits)
    assert not agree(torch.full_like(logits, torch.nan), logits)
