"""A tiny Llama as a GGUF file, with quantised weights, as wheels of models carry it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from steadycode.models.tiny import tiny_tokenizer

HIDDEN, INNER, LAYERS, HEADS, WINDOW, VOCABULARY = 64, 128, 2, 4, 256, 300


def write_gguf(path: Path) -> dict[str, Any]:
    """Write it; returns its weights by name, before they were quantised to eight bits."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(WINDOW)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(VOCABULARY)
    _add_tokenizer(writer)
    weights = _weights()
    for name, values in weights.items():
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def _add_tokenizer(writer: Any) -> None:
    described = json.loads(tiny_tokenizer(VOCABULARY).backend_tokenizer.to_str())["model"]
    tokens = sorted(described["vocab"], key=described["vocab"].__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    control, normal = 3, 1
    kinds = [control if token == "<|endoftext|>" else normal for token in tokens]
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in described["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)


def _weights() -> dict[str, Any]:
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (VOCABULARY, HIDDEN),
        "output_norm.weight": (HIDDEN,),
    }
    for layer in range(LAYERS):
        own = {f"attn_{which}": (HIDDEN, HIDDEN) for which in ("q", "k", "v", "output")}
        own |= {"ffn_gate": (INNER, HIDDEN), "ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER)}
        own |= {"attn_norm": (HIDDEN,), "ffn_norm": (HIDDEN,)}
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in own.items()}
    return {
        name: (random.standard_normal(shape) / 10).astype(np.float32)
        for name, shape in shapes.items()
    }
