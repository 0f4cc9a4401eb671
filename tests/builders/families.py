"""Tiny random models of the families that the profiles name, and of one whose head is scaled."""

from typing import Any

import torch

FAMILIES = ("gpt2", "codegen", "llama", "qwen2", "gpt_neox", "starcoder2")
WITHOUT_DROPOUT = ("codegen", "llama", "qwen2", "gpt_neox", "starcoder2")
VOCABULARY = 300


def family(name: str, layers: int = 3, **changes: Any) -> Any:
    """In evaluation mode; the same weights each time."""
    from transformers import AutoConfig, AutoModelForCausalLM

    size: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0}
    if name in ("gpt2", "codegen"):
        size |= {"n_embd": 32, "n_layer": layers, "n_head": 4, "n_positions": 128, "n_ctx": 128}
        if name == "codegen":
            size |= {"rotary_dim": 4}
    else:
        size |= {
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": layers,
            "num_attention_heads": 4, "max_position_embeddings": 128,
        }  # fmt: skip
        if name != "gpt_neox":
            size |= {"num_key_value_heads": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = AutoConfig.for_model(name, **{**size, **changes})
        return AutoModelForCausalLM.from_config(config).eval()


def token_ids(n: int, seed: int) -> list[int]:
    return torch.randint(1, 300, (n,), generator=torch.Generator().manual_seed(seed)).tolist()
