"""A tiny random Llama with a byte-level vocabulary, made on the spot."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

VOCABULARY = 300
END = "<|endoftext|>"
PYTHON = '''\
def add(a, b):
    """Return the sum of a and b."""
    return a + b


def largest(values):
    best = values[0]
    for value in values:
        if value > best:
            best = value
    return best
'''


def tiny_model(seed: int = 0, **changes: Any) -> Any:
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


@pytest.fixture
def make_model() -> Callable[..., Any]:
    return tiny_model


@pytest.fixture
def model() -> Any:
    return tiny_model()


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return make_tokenizer()


def make_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([PYTHON] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END, pad_token=END)


@pytest.fixture
def documents() -> list[str]:
    """Forty small functions, no two alike."""
    source = (
        "def f{i}(x):\n    y = x * {i}\n    if y > {j}:\n        return y - {i}\n    return y\n"
    )
    return [source.format(i=i, j=7 * i) for i in range(40)]
