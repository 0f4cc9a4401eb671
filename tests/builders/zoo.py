"""Tiny random models of every causal family of transformers that can be made from its config."""

from typing import Any

import torch

from tests.builders.families import VOCABULARY

# fmt: off
NAMES = (
    "apertus", "arcee", "bamba", "bert", "bert-generation", "big_bird", "biogpt", "bitnet",
    "bloom", "camembert", "codegen", "cohere", "cohere2", "ctrl", "cwm", "deepseek_v2",
    "deepseek_v3", "diffllama", "doge", "electra", "ernie4_5", "ernie4_5_moe", "exaone4",
    "falcon", "falcon_h1", "falcon_mamba", "flex_olmo", "gemma", "gemma2", "gemma3_text",
    "gemma4_text", "glm", "glm4", "glm4_moe", "gpt-sw3", "gpt2", "gpt_bigcode", "gpt_neo",
    "gpt_neox", "gpt_oss", "gptj", "granite", "granitemoe", "granitemoehybrid", "helium",
    "hunyuan_v1_dense", "internlm3", "jamba", "jetmoe", "lfm2", "llama", "llama4_text",
    "mamba", "mamba2", "megatron-bert", "minicpm3", "minimax", "minimax_m2", "ministral",
    "mistral", "mixtral", "modernbert-decoder", "mpt", "nanochat", "nemotron", "nemotron_h",
    "olmo", "olmo2", "olmo3", "olmo_hybrid", "olmoe", "openai-gpt", "opt", "persimmon", "phi",
    "phi3", "phimoe", "qwen2", "qwen2_moe", "qwen3", "qwen3_5_text", "qwen3_moe",
    "qwen3_next", "recurrent_gemma", "rembert", "roberta", "roformer", "rwkv", "seed_oss",
    "smollm3", "stablelm", "starcoder2", "trocr", "xglm", "xlm", "xlnet", "xlstm", "youtu",
    "zamba", "zamba2",
)
# fmt: on
WINDOW = 96
_SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "lru_width"), 32),
    **dict.fromkeys(("word_embed_proj_dim", "embedding_size", "attention_hidden_size"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "ffn_hidden_size", "d_ff", "n_inner"), 64),
    **dict.fromkeys(("dff", "decoder_ffn_dim", "moe_intermediate_size", "encoder_ffn_dim"), 64),
    **dict.fromkeys(("shared_intermediate_size", "shared_expert_intermediate_size"), 64),
    **dict.fromkeys(("intermediate_size_mlp", "moe_shared_expert_intermediate_size"), 64),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("decoder_layers", "encoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "attention_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), WINDOW),
    **dict.fromkeys(("max_sequence_length", "context_length"), WINDOW),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("moe_num_experts", "mamba_d_conv", "mamba_dt_rank", "time_step_rank"), 4),
    **dict.fromkeys(("qk_rope_head_dim", "rotary_dim"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "mamba_expand"), 2),
    **dict.fromkeys(("head_dim", "kv_channels", "q_lora_rank", "kv_lora_rank"), 8),
    **dict.fromkeys(("qk_nope_head_dim", "v_head_dim", "hidden_size_per_layer_input"), 8),
    **dict.fromkeys(("state_size", "mamba_d_state", "ssm_state_size", "mamba_head_dim"), 8),
    **dict.fromkeys(("mamba_n_heads", "mamba_d_head", "mamba_headdim", "mamba_num_heads"), 8),
    **dict.fromkeys(("chunk_size", "mamba_chunk_size"), 8),
    **dict.fromkeys(("n_group", "topk_group", "n_groups", "mamba_n_groups"), 1),
    "first_k_dense_replace": 1,
    **dict.fromkeys(("sliding_window", "attention_window", "attention_window_size"), 16),
    **dict.fromkeys(("vocab_size", "vocab_size_per_layer_input"), VOCABULARY),
    **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 0),
    **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop", "layerdrop"), 0.0),
    "router_jitter_noise": 0.0,
    "initializer_range": 0.1,
    "is_decoder": True,
    "use_mamba_kernels": False,
}
"""Of every config that has such a field."""
_MIXED = {"layer_types": ["linear_attention", "full_attention"]}
_WINDOWS = {"layer_types": ["sliding_attention", "full_attention"]}
_SHARED: dict[str, Any] = {
    "num_hidden_layers": 3,
    "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
}
_OWN: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 16},
    **dict.fromkeys(("qwen3_next", "qwen3_5_text", "granitemoehybrid"), _MIXED),
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1,
              "expert_layer_period": 2, "expert_layer_offset": 1},
    "bamba": {"attn_layer_indices": [1]},
    **dict.fromkeys(("gemma3_text", "cohere2", "olmo3"), _WINDOWS),
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "falcon_h1": {"mamba_d_ssm": 64},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "zamba": _SHARED | {"attention_head_dim": 16, "attention_hidden_size": 64},
    "zamba2": _SHARED | {"attention_head_dim": 16, "attention_hidden_size": 64,
                         "mamba_headdim": 8, "n_mamba_heads": 8},
}  # fmt: skip
"""What some families want otherwise."""


def config_of(name: str) -> Any:
    from transformers import AutoConfig

    usual = AutoConfig.for_model(name)
    usual = usual.get_text_config(decoder=True)
    fields = {*usual.to_dict(), *getattr(usual, "attribute_map", {})}
    chosen: dict[str, Any] = {key: value for key, value in _SIZES.items() if key in fields}
    chosen |= {key: 0.0 for key in fields if "dropout" in key and "classifier" not in key}
    for key in ("layer_types", "mlp_layer_types", "layers_block_type", "rope_scaling"):
        if key in fields:
            chosen[key] = None
    if "qk_rope_head_dim" in fields:
        chosen |= {"num_key_value_heads": 4, "head_dim": 4}
    chosen |= _OWN.get(name, {})
    mapped = getattr(usual, "attribute_map", {})
    chosen = {mapped.get(key, key): value for key, value in chosen.items()}
    fixed = {key for key in chosen if isinstance(getattr(type(usual), key, None), property)}
    return type(usual)(**{key: value for key, value in chosen.items() if key not in fixed})


def tiny(name: str) -> Any:
    """In evaluation mode, in float32; the same weights each time."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = config_of(name)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return model.eval()
