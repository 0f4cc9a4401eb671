"""Computes the cross-entropy after a linear head without ever holding all of its logits."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

SoftmaxCrossEntropy = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Called with logits [N, V] and targets [N]; returns the sum of -log p of the targets and its
gradient with respect to the logits, in their dtype."""

_LOGITS = 2**27
"""The most logits held at a time: half a gigabyte in float32."""


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    from_logits: SoftmaxCrossEntropy | None = None,
) -> Tensor:
    """The sum of -log p of ``targets`` [N] after a head with ``weight`` [V, D] and ``bias`` [V]
    on ``hidden`` [N, D], in float32.

    Products run in autocast's dtype if autocast is on; the softmax, the sum and the gradient of
    the weight are float32. ``from_logits`` is ``softmax_cross_entropy`` (the default) or a compiled
    one. The loss can be differentiated once.
    """
    dtype = weight.dtype
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    with torch.autocast(device, enabled=False):
        loss: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
            hidden.to(dtype),
            weight,
            bias,
            targets,
            from_logits or softmax_cross_entropy,
            torch.is_grad_enabled(),
        )
    return loss


def softmax_cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The plain ``SoftmaxCrossEntropy``, which writes the gradient over ``logits``."""
    at = targets[:, None]
    logs = logits.float()
    hit = logs.gather(1, at)
    highest = logs.amax(1, keepdim=True)
    shares = logs.sub_(highest).exp_()
    total = shares.sum(1, keepdim=True)
    losses = highest + total.log() - hit
    gradient = torch.div(shares, total, out=logits)
    gradient.scatter_(1, at, torch.expm1(-losses).to(logits.dtype))  # no rounding of p - 1
    return losses.sum(), gradient


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes the gradients in the forward pass, chunk by chunk, while the logits are there; so
    the head runs once, and backward keeps no more than gradients of its input, weight and bias."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        from_logits: SoftmaxCrossEntropy,
        training: bool,
    ) -> Tensor:
        wanted = [training and needed for needed in ctx.needs_input_grad[:3]]
        head = weight.to(hidden.dtype)
        shift = None if bias is None else bias.to(hidden.dtype)
        loss = torch.zeros((), device=hidden.device)
        by_hidden = torch.empty_like(hidden) if wanted[0] else None
        by_weight: Tensor | None = None
        by_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None else None
        rows = max(1, _LOGITS // len(weight))
        for start in range(0, len(hidden), rows):
            states, at = hidden[start : start + rows], targets[start : start + rows]
            part, by_logits = from_logits(functional.linear(states, head, shift), at)
            loss += part
            if by_hidden is not None:
                torch.mm(by_logits, head, out=by_hidden[start : start + rows])
            if wanted[1]:
                by_weight = _add_product(by_weight, by_logits.T, states)
            if by_bias is not None and wanted[2]:
                by_bias += by_logits.sum(0, dtype=torch.float32)
        if by_weight is None and wanted[1]:  # no positions
            by_weight = torch.zeros_like(weight, dtype=torch.float32)
        ctx.wanted = wanted
        ctx.save_for_backward(by_hidden, by_weight, by_bias)
        return loss

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        gradients = [
            saved.mul_(grad) if saved is not None and wanted else None
            for saved, wanted in zip(ctx.saved_tensors, ctx.wanted, strict=True)
        ]
        return *gradients, None, None, None


def _add_product(total: Tensor | None, left: Tensor, right: Tensor) -> Tensor:
    """The sum total + left @ right in float32, whatever dtype the factors have."""
    if left.is_cuda and left.dtype != torch.float32:
        product = torch.mm(left, right, out_dtype=torch.float32)
    elif total is not None and left.dtype == torch.float32:
        return total.addmm_(left, right)
    else:  # a CPU has no product whose result has another dtype
        product = (left @ right).float()
    return product if total is None else total.add_(product)
