"""Makes, in a second, a Llama that is small enough for tests and the smoke profile."""

import heapq
import inspect
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def save_tiny(recipe: Mapping[str, Any], folder: Path) -> None:
    """Save a model with seeded random weights and a byte-level BPE tokenizer in ``folder``."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # it is done in a moment
    tokenizer = tiny_tokenizer(recipe["vocabulary"])
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe["hidden"],
        intermediate_size=2 * recipe["hidden"],
        num_hidden_layers=recipe["layers"],
        num_attention_heads=recipe["heads"],
        num_key_value_heads=recipe["heads"] // 2,
        max_position_embeddings=recipe["window"],
        tie_word_embeddings=True,
        initializer_range=0.2,  # ten times the default: completions then depend on the prompt
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe["seed"])
        model = LlamaForCausalLM(config).to(getattr(torch, recipe["dtype"]))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def tiny_tokenizer(vocabulary: int) -> Any:
    """A byte-level BPE tokenizer of that many tokens, the end of the text among them.

    It merges a newline with the indentation behind it, as those of real code models do.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    end = "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[end],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = [inspect.getsource(module) for module in (textwrap, heapq)]
    tokenizer.train_from_iterator(text, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=end, eos_token=end, pad_token=end
    )
