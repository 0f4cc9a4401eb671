"""A model's forward pass as a CPU makes it fastest.

torch's linear layers bring their weights into the order that the processor multiplies in at every
call, which takes as long as multiplying a few dozen rows; and its attention kernel is slow in
bfloat16 and with a single query to a row. Here the weights are brought into that order once, which
holds them a second time, and attention is two products of matrices.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "steadycode_products"
_PLAIN = {"sliding_window", "position_ids", "use_cache"}
"""Options of an attention function that change nothing where a mask says what is seen."""
_MOST_SCORES = 2**24  # more than that are not held at a time
_ROWS = 64  # that the order of the weights is chosen for


class CpuModel:
    """Calls ``model``, which is left as it was between the calls, on the CPU."""

    def __init__(self, model: Any) -> None:
        self.dtype = model.dtype
        self._model = model
        self._config = model.config.get_text_config()
        self._attention = self._config._attn_implementation

    def __call__(self, **inputs: Any) -> Any:
        if self._attention == "sdpa":
            self._config._attn_implementation = _NAME
        # by vars, since a module's own way to set and delete takes a millisecond for all layers
        for layer, forward in self._packed.items():
            vars(layer)["forward"] = forward
        try:
            return self._model(**inputs)
        finally:
            for layer in self._packed:
                del vars(layer)["forward"]
            self._config._attn_implementation = self._attention

    @cached_property
    def _packed(self) -> dict[nn.Module, Callable[[Tensor], Tensor]]:
        return {layer: pack(layer) for layer in self._model.modules() if can_pack(layer)}


def can_pack(layer: nn.Module) -> bool:
    """Whether ``layer`` is a plain linear layer of a type that oneDNN computes in here."""
    if type(layer) is not nn.Linear or "forward" in vars(layer):
        return False
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    dtype = layer.weight.dtype
    in_bf16 = dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return dtype == torch.float32 or bool(in_bf16)


def pack(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    """What ``layer`` computes, by the operators that torch's own compiler uses for it."""
    linear = cast(nn.Linear, layer)
    weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
    bias = None if linear.bias is None else linear.bias.detach()
    return partial(_multiply, weight=weight, bias=bias)


def _multiply(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], "")
    return product


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention of ``query`` [rows, heads, queries, size] to ``key`` and ``value`` [rows, groups of
    heads, columns, size], as [rows, queries, heads, size]; no weights."""
    rows, heads, queries, size = query.shape
    groups, columns = key.shape[1:3]
    single = queries == 1
    faster = single or (
        query.dtype.itemsize < 4 and rows * heads * queries * columns <= _MOST_SCORES
    )
    causal = queries == columns and getattr(module, "is_causal", False)
    masked = single or causal or attention_mask is not None
    unknown = {name for name, option in options.items() if option is not None} - _PLAIN
    if not (faster and masked) or dropout or scaling is None or unknown:
        usual: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **options
        )
        return usual
    grouped = (query * scaling).reshape(rows, groups, -1, size)
    scores = (key @ grouped.mT).mT if single else grouped @ key.mT
    scores = scores.reshape(rows, heads, queries, columns)
    if attention_mask is not None:
        scores += attention_mask
    elif not single:
        scores += torch.full((queries, columns), -torch.inf, dtype=scores.dtype).triu_(1)
    attended = scores.softmax(-1).view(rows, groups, -1, columns) @ value
    return attended.view(rows, heads, queries, -1).transpose(1, 2), None


def _mask(*arguments: Any, dtype: torch.dtype, **options: Any) -> Tensor | None:
    """What is added to the scores: made once for all layers, and added in half the time in which
    a Boolean mask fills. None where all is seen that causality lets be seen."""
    seen = sdpa_mask(*arguments, **options)
    if seen is None:
        return None
    # not -inf: a query in the padding sees nothing, and its softmax must still be numbers
    nothing = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
    return nothing.masked_fill_(~seen, torch.finfo(dtype).min)


AttentionInterface.register(_NAME, _attend)
AttentionMaskInterface.register(_NAME, _mask)
