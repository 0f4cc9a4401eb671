"""What is done otherwise than by transformers: on a GPU, done on the CPU here, prompts are read
together and steps have a fixed shape; on a CPU weights are packed and single queries attend alone.
"""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from steadycode.config import Decoding
from steadycode.generation import Completion, cache, complete, cpu
from steadycode.generation.cpu import CpuModel
from steadycode.generation.fixed import FixedStep, agree
from steadycode.generation.prefill import Prefill
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
    monkeypatch.setattr(Prefill, "count", lambda self, waiting: 4)
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


def by_prompt(completions: Iterable[Completion]) -> dict[str, Completion]:
    found = {one.prompt: one for one in completions}
    assert set(found) == set(PROMPTS)
    return found


@pytest.mark.parametrize("name", SMALL)
def test_the_same_texts(
    name: str, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, fixed: list[int]
) -> None:
    model = build(name, tiny)
    here = by_prompt(complete(model, PROMPTS, GREEDY))
    used = len(fixed)
    assert used == 1 if name == "gemma2" else used > 40  # whose sliding windows need another mask
    with monkeypatch.context() as undone:
        undone.setattr(cache, "fixed_shapes", lambda device: False)
        undone.setattr(Prefill, "count", lambda self, waiting: 1)
        there = by_prompt(complete(model, PROMPTS, GREEDY))
    assert len(fixed) == used
    for prompt, one in here.items():
        assert one.text == there[prompt].text
        assert one.mean_logprob == pytest.approx(there[prompt].mean_logprob, abs=1e-4)


def test_rows_come_and_go_and_buffers_are_outgrown(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, fixed: list[int]
) -> None:
    monkeypatch.setattr(cache, "_SPARE_FIXED", 7)
    sampled = Decoding(max_new_tokens=24, batch_size=5, samples=3, temperature=0.9)
    here = {(one.prompt, one.sample): one.text for one in complete(tiny, PROMPTS, sampled, seed=3)}
    assert len(fixed) > 100
    assert max(fixed) == 5
    assert min(fixed) < 5
    monkeypatch.setattr(cache, "fixed_shapes", lambda device: False)
    for one in complete(tiny, PROMPTS, sampled, seed=3):
        assert here[one.prompt, one.sample] == one.text


def test_a_model_that_says_something_else_in_fixed_steps_makes_none_after_the_first(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, fixed: list[int]
) -> None:
    expected = by_prompt(complete(tiny, PROMPTS, GREEDY))
    fixed.clear()
    right = FixedStep._forward
    monkeypatch.setattr(FixedStep, "_forward", lambda self: right(self).flip(-1))
    found = by_prompt(complete(tiny, PROMPTS, GREEDY))
    assert all(found[prompt].text == one.text for prompt, one in expected.items())
    assert len(fixed) == 1


def test_logits_agree_up_to_rounding() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    assert agree(logits.bfloat16(), logits)
    assert not agree(logits + 0.3, logits)
    assert not agree(torch.full_like(logits, torch.nan), logits)


@pytest.mark.parametrize("name", SMALL)
def test_a_cpu_computes_the_same(name: str, tiny: LanguageModel) -> None:
    """Rows of two lengths, read together and then given one token each."""
    plain = build(name, tiny).model
    tokens = torch.randint(1, 900, (2, 70), generator=torch.Generator().manual_seed(0))
    seen = torch.ones(2, 71, dtype=torch.int64)
    seen[1, :30] = 0
    logits = []
    for model in (plain, CpuModel(plain)):
        with torch.inference_mode():
            read = model(input_ids=tokens, attention_mask=seen[:, :70], use_cache=True)
            step = model(input_ids=tokens[:, :1], attention_mask=seen,
                         position_ids=seen.sum(1, keepdim=True) - 1,
                         past_key_values=read.past_key_values, use_cache=True)  # fmt: skip
        logits.append(torch.cat([read.logits[0], step.logits[:, 0]]))
    assert (logits[0] - logits[1]).abs().max() < 1e-5 * logits[0].abs().max()


def test_a_model_is_as_it_was_between_the_calls(tiny: LanguageModel) -> None:
    before = {name: set(vars(module)) for name, module in tiny.model.named_modules()}
    attention = tiny.model.config._attn_implementation
    packed = CpuModel(tiny.model)
    packed(input_ids=torch.tensor([[1, 2]]))
    with pytest.raises(IndexError):
        packed(input_ids=torch.tensor([[1, 10**6]]))
    assert {name: set(vars(module)) for name, module in tiny.model.named_modules()} == before
    assert tiny.model.config._attn_implementation == attention == "sdpa"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_linear_layers_are_packed_where_the_processor_can(dtype: torch.dtype) -> None:
    layer = torch.nn.Linear(40, 24, dtype=dtype)
    if not cpu.can_pack(layer):
        pytest.skip("oneDNN does not pack this type here")
    states = torch.randn(3, 5, 40, dtype=dtype)
    with torch.inference_mode():
        assert torch.allclose(cpu.pack(layer)(states), layer(states), atol=0.02)
    layer.forward = lambda states: states  # type: ignore[assignment]  # someone else's
    assert not cpu.can_pack(layer)
    assert not cpu.can_pack(torch.nn.Linear(4, 4, dtype=torch.float64))


def test_prompts_are_read_together_up_to_one_that_begins_as_another_does() -> None:
    prompt = [tuple(range(start, start + 40)) for start in (0, 100, 200, 300, 400, 500)]
    variant = (*prompt[1][:30], 7)
    prefill = Prefill(None, "cpu")
    assert prefill.count(prompt) == 4
    assert prefill.count([prompt[0], prompt[1], variant, prompt[2]]) == 1
    assert prefill.count([prompt[1], variant]) == 1
    prefill._tokens = prompt[1]  # as if it had just been read
    assert prefill.count([variant, prompt[0], prompt[2]]) == 1
    assert Prefill(None, "cuda:0").count([prompt[1], variant]) == 32


def test_in_bf16_what_is_read_beside_longer_prompts_is_the_same(tiny_bf16: LanguageModel) -> None:
    """Queries in the padding see nothing: what they compute must not reach the others."""
    packed = CpuModel(tiny_bf16.model)
    tokens = [tuple(tiny_bf16.tokenizer(prompt)["input_ids"]) for prompt in PROMPTS[:4]]
    together, logits = Prefill(packed, "cpu").read(tokens)
    for states, row, one in zip(together, logits, tokens, strict=True):
        alone, expected = Prefill(packed, "cpu").read([one])
        assert torch.allclose(row, expected[0], atol=0.05)
        for pair, other in zip(states, alone[0], strict=True):
            for here, there in zip(pair, other, strict=True):
                assert torch.allclose(here.float(), there.float(), atol=0.1)
