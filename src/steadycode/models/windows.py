"""How many tokens a model can read at once."""

import math
from collections.abc import Mapping
from typing import Any

_NAMES = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
"""What families call it in config.json."""


def configured_window(config: Mapping[str, Any]) -> float:
    """The most tokens that a model with this config.json reads at once; infinity when nothing
    there limits it."""
    named = [config.get(name) for name in _NAMES]
    return next((n for n in named if isinstance(n, int) and n > 0), math.inf)


def window(model: Any) -> float:
    """The most tokens that ``model`` reads at once; infinity when nothing limits it. Families that
    number positions from behind the padding's id have fewer than their config says."""
    from torch.nn import Embedding

    limits = [configured_window(model.config.get_text_config(decoder=True).to_dict())]
    for name, module in model.named_modules():
        if isinstance(module, Embedding) and "position" in name and module.padding_idx is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1)
    return min(limits)
