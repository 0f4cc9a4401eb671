"""The head's cross-entropy, a chunk of positions at a time."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from steadycode.models import head_loss
from steadycode.models.head_loss import linear_cross_entropy


@pytest.mark.parametrize("bias", [False, True])
def test_chunks_give_the_same_cross_entropy_and_keep_no_logits(
    monkeypatch: pytest.MonkeyPatch, bias: bool
) -> None:
    monkeypatch.setattr(head_loss, "_LOGITS", 900 * 256)  # three chunks
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(600, 16, generator=generator), torch.randn(900, 16, generator=generator)]
    given += [torch.randn(900, generator=generator)] * bias
    targets = torch.randint(900, (600,), generator=generator)

    def gradients(chunked: bool) -> tuple[float, list[Tensor], list[int]]:
        leaves = [x.clone().requires_grad_() for x in given]
        hidden, weight, b = leaves if bias else (*leaves, None)
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(x.numel()) or x, lambda x: x
        ):
            if chunked:
                loss = linear_cross_entropy(hidden, weight, b, targets)
            else:
                logits = functional.linear(hidden, weight, b).float()
                loss = functional.cross_entropy(logits, targets, reduction="sum")
        assert loss.dtype == torch.float32
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item(), [x.grad for x in leaves if x.grad is not None], kept

    for dtype, tolerance in ((None, 1e-5), (torch.bfloat16, 2e-2)):
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            expected, there, plain = gradients(chunked=False)
            got, here, kept = gradients(chunked=True)
        assert got == pytest.approx(expected, rel=1e-6)  # the softmax is float32 in both
        for a, b in zip(here, there, strict=True):
            assert (a - b).norm() <= tolerance * b.norm()
        assert max(plain) == 600 * 900
        assert max(kept, default=0) < 600 * 900 / 10


def test_no_positions_have_no_loss_and_zero_gradients() -> None:
    """Another process may hold all of a batch, and waits for these."""
    hidden, weight = torch.ones(0, 4).requires_grad_(), torch.ones(9, 4).requires_grad_()
    loss = linear_cross_entropy(hidden, weight, None, torch.ones(0, dtype=torch.int64))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert weight.grad is not None
    assert not weight.grad.any()
