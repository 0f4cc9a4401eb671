"""A tiny random Llama with 300 tokens, made on the spot, and documents to train it on."""

from typing import Any

import torch

from steadycode.models.tiny import tiny_tokenizer

VOCABULARY = 300


def tiny_model(seed: int = 0, **changes: Any) -> Any:
    """In evaluation mode; ``changes`` go into its configuration."""
    from transformers import LlamaConfig, LlamaForCausalLM

    given = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(LlamaConfig(**{**given, **changes})).eval()


def make_tokenizer() -> Any:
    return tiny_tokenizer(VOCABULARY)


def small_functions(count: int) -> list[str]:
    """No two alike."""
    source = (
        "def f{i}(x):\n    y = x * {i}\n    if y > {j}:\n        return y - {i}\n    return y\n"
    )
    return [source.format(i=i, j=7 * i) for i in range(count)]
